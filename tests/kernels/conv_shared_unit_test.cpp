// Which tiles imagined devices are given: a large GPU is filled by the layers of a ResNet, a small one's limits are
// kept.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/choices.h"
#include "kernels/conv_shared.h"
#include "kernels/lowering.h"
#include "tests/support/op_case.h"

namespace nibble::test {
namespace {

gpu::Caps gpu_of(gpu::DeviceType type, uint32_t invocations, uint32_t shared_bytes) {
  gpu::Caps caps;
  caps.device_type = type;
  caps.max_workgroup_invocations = invocations;
  caps.max_workgroup_size = {invocations, invocations, 64};
  caps.shared_bytes = shared_bytes;
  caps.bits = gpu::Caps::dot8 | gpu::Caps::dot8_fast;
  caps.int8_path = gpu::Int8Path::dot;
  return caps;
}

TileBounds layer(int64_t pixels, int64_t in, int64_t out, int64_t taps) {
  TileBounds bounds{{pixels, 1, 1, out / 4, 1}};
  bounds.in_blocks = in / 4;
  bounds.taps = taps;
  return bounds;
}

struct Load {
  int64_t workgroups = 0, invocations = 0;
  uint32_t turns = 0;  // tiles of the reduction that a slice goes through
};

Load load_of(const gpu::Caps& caps, const TileBounds& bounds) {
  const ConvTile tile = choose_shared_tile(caps, bounds);
  const auto stage = shared_stage(caps, bounds, tile);
  EXPECT_TRUE(stage);
  if (!stage) return {};
  Load load;
  load.workgroups =
      divide_up(bounds.extent.row, tile.local_x * tile.x) * divide_up(bounds.extent.o_blocks, tile.local_y * tile.o);
  load.invocations = load.workgroups * tile.local_x * tile.local_y * tile.slices;
  const int64_t chunks = bounds.taps * divide_up(bounds.in_blocks, stage->steps);
  load.turns = static_cast<uint32_t>(divide_up(chunks, tile.slices));
  return load;
}

// The layers of a ResNet-50 for one picture of 224 x 224: pixels, channels in and out, taps.
const TileBounds kResNet50[] = {layer(3136, 64, 64, 1),   layer(3136, 64, 64, 9),  layer(3136, 64, 256, 1),
                                layer(3136, 256, 64, 1),  layer(784, 128, 128, 9), layer(784, 128, 512, 1),
                                layer(784, 512, 128, 1),  layer(196, 256, 256, 9), layer(196, 256, 1024, 1),
                                layer(196, 1024, 256, 1), layer(49, 512, 512, 9),  layer(49, 512, 2048, 1),
                                layer(49, 2048, 512, 1)};

TEST(SharedTile, every_layer_of_a_resnet_fills_a_gpu_of_more_than_a_hundred_cores) {
  const gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  for (const TileBounds& bounds : kResNet50) {
    const Load load = load_of(caps, bounds);
    const auto name = testing::Message() << bounds.extent.row << " pixels, " << 4 * bounds.in_blocks << " to "
                                         << 4 * bounds.extent.o_blocks << ", " << bounds.taps << " taps";
    EXPECT_GE(load.workgroups, 128) << name;
    EXPECT_GE(load.invocations, 16384) << name;
    // Each costs the wait for memory once, about half a microsecond.
    EXPECT_LE(load.turns, 24u) << name;
  }
}

TEST(SharedTile, a_large_product_takes_tiles_of_eight_by_eight_sums) {
  const gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  const TileBounds bounds = layer(4096, 4096, 4096, 1);
  EXPECT_EQ(choose_shared_tile(caps, bounds), (ConvTile{8, 2, 16, 8}));
  EXPECT_EQ(load_of(caps, bounds).workgroups, 2048);
}

TEST(SharedTile, stays_within_the_least_that_vulkan_allows) {
  for (const gpu::Caps& caps :
       {gpu_of(gpu::DeviceType::discrete, 128, 16384), gpu_of(gpu::DeviceType::discrete, 1024, 32768),
        gpu_of(gpu::DeviceType::discrete, 256, 65536)}) {
    for (int64_t pixels : {1, 5, 16, 49, 3136, 1 << 20}) {
      for (int64_t in : {16, 20, 64, 4096}) {
        for (int64_t out : {16, 36, 512}) {
          for (int64_t taps : {1, 9}) {
            const TileBounds bounds = layer(pixels, in, out, taps);
            const ConvTile tile = choose_shared_tile(caps, bounds);
            const auto stage = shared_stage(caps, bounds, tile);
            ASSERT_TRUE(stage) << pixels << " " << in << " " << out << " " << taps;
            EXPECT_TRUE(tile_fits(caps, bounds, tile));
            EXPECT_LE(tile.local_x * tile.local_y * tile.slices, caps.max_workgroup_invocations);
            EXPECT_LE(tile.slices, caps.max_workgroup_size[2]);
            EXPECT_LE(stage->bytes, caps.shared_bytes);
          }
        }
      }
    }
  }
}

// Products of zeros behind the channels of a tap are few, and so are turns.
TEST(SharedTile, stages_little_beyond_the_channels_of_a_mobilenet) {
  const gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  // The pointwise layers of a MobileNetV2: pixels, channels in and out.
  const TileBounds layers[] = {
      layer(12544, 32, 16, 1), layer(12544, 16, 96, 1), layer(3136, 96, 24, 1), layer(3136, 24, 144, 1),
      layer(3136, 144, 24, 1), layer(784, 144, 32, 1),  layer(784, 32, 192, 1), layer(784, 192, 32, 1),
      layer(196, 192, 64, 1),  layer(196, 64, 384, 1),  layer(196, 384, 64, 1), layer(196, 384, 96, 1),
      layer(196, 96, 576, 1),  layer(196, 576, 96, 1),  layer(49, 576, 160, 1), layer(49, 160, 960, 1),
      layer(49, 960, 160, 1),  layer(49, 960, 320, 1),  layer(49, 320, 1280, 1)};
  for (const TileBounds& bounds : layers) {
    const auto stage = shared_stage(caps, bounds, choose_shared_tile(caps, bounds));
    ASSERT_TRUE(stage);
    const int64_t turns = divide_up(bounds.in_blocks, stage->steps), staged = turns * stage->steps;
    const auto name = testing::Message() << 4 * bounds.in_blocks << " channels in steps of " << 4 * stage->steps;
    // 24 channels are 6 blocks: two more cost less than a second turn.
    EXPECT_LE(staged - bounds.in_blocks, std::max<int64_t>(2, bounds.in_blocks / 8)) << name;
    EXPECT_LE(turns, 16) << name;
  }
}

TEST(SharedTile, no_more_workgroups_than_the_device_counts) {
  const gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);  // 65,535 along each axis
  EXPECT_TRUE(tile_fits(caps, layer(65535 * 128, 64, 64, 1), {8, 2, 16, 8}));
  const TileBounds large = layer(9400000, 64, 64, 1);
  EXPECT_FALSE(tile_fits(caps, large, {8, 2, 16, 8}));
  EXPECT_FALSE(shared_stage(caps, large, choose_shared_tile(caps, large)));
  TileBounds groups = layer(64, 64, 4 * 16, 1);
  groups.extent.groups = 65536;
  EXPECT_FALSE(tile_fits(caps, groups, {1, 1, 16, 4}));
}

Result<LoweredPlan> plan_on(const gpu::Caps& caps, const OpCase& op_case, const Tuning& tuning = {},
                            const std::string& overrides = "") {
  const auto built = build(op_case, 1);
  if (!built) return built.error();
  const auto forced = KernelOverrides::parse(overrides);
  if (!forced) return forced.error();
  return Lowering(built->graph, caps, *forced, tuning).run();
}

const Step& product_of(const LoweredPlan& plan) {
  for (const Step& step : plan.steps) {
    if (step.multiply_adds > 0) return step;
  }
  return plan.steps.front();
}

std::string row_of_step(const Step& step) { return std::string(kernel_table()[static_cast<size_t>(step.kernel)].name); }

std::string row_on(const gpu::Caps& caps, const OpCase& op_case, const std::string& overrides = "") {
  const auto plan = plan_on(caps, op_case, {}, overrides);
  return plan ? row_of_step(product_of(*plan)) : plan.error().message;
}

uint32_t spec_of(const Step& step, uint32_t id) {
  const auto found = std::find_if(step.spec.begin(), step.spec.end(), [&](const auto& c) { return c.id == id; });
  return found == step.spec.end() ? 0 : found->value;
}

const ConvScheme kScheme{.x = DType::i8, .weights = DType::i8};

OpCase image(int64_t size) {
  return conv_case("3x3", Conv2d{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1}, {1, 64, size, size}, 64,
                   3, 3, kScheme);
}

TEST(SharedTile, gives_way_to_conv2d_where_the_device_counts_too_few_workgroups) {
  gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  const OpCase large = conv_case("1x1", Conv2d{}, {1, 16, 48, 48}, 16, 1, 1, kScheme);
  EXPECT_EQ(row_on(caps, large), "conv2d_shared_w8_i8_dot");
  caps.max_workgroup_count = {64, 64, 64};
  EXPECT_EQ(row_on(caps, large), "conv2d_w8_i8_dot");
}

TEST(SharedTile, tuning_finds_no_tile_of_too_many_workgroups) {
  gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  const OpCase rows = conv_case("1x1", Conv2d{}, {1, 16, 48, 48}, 16, 1, 1, kScheme);
  std::map<std::string, ProblemFound> found;
  ASSERT_TRUE(plan_on(caps, rows, {nullptr, &found}));
  const auto& [text, met] = *found.begin();
  ASSERT_TRUE(met.problem.second && met.problem.second->preferred);
  // As many as the rule's tile needs: one of fewer pixels needs more.
  caps.max_workgroup_count[0] =
      static_cast<uint32_t>(divide_up(48 * 48, int64_t{met.rule.tile.x} * met.rule.tile.local_x));
  const StepProblem seen = seen_by(met.rule.kernel, met.problem);
  for (const ConvTile& tile : neighbouring_sizes(seen, caps, met.rule.tile)) {
    EXPECT_GE(tile.x * tile.local_x, met.rule.tile.x * met.rule.tile.local_x);
  }
  ConvTile half = met.rule.tile;
  (half.x > 1 ? half.x : half.local_x) /= 2;
  Choices choices;
  ASSERT_TRUE(choices.set(text, {met.rule.kernel, half}));
  const auto plan = plan_on(caps, rows, {&choices});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_FALSE(product_of(*plan).tuned);
  EXPECT_EQ(row_of_step(product_of(*plan)), "conv2d_shared_w8_i8_dot");
}

// Rows that a rule prefers on paper, and those that it does not, are measured alike.
TEST(SharedTile, tuning_goes_through_both_families) {
  for (const auto type : {gpu::DeviceType::discrete, gpu::DeviceType::integrated}) {
    const gpu::Caps caps = gpu_of(type, 256, 32768);
    std::map<std::string, ProblemFound> found;
    const auto untuned = plan_on(caps, image(14), {nullptr, &found});
    ASSERT_TRUE(untuned) << untuned.error().message;
    ASSERT_EQ(found.size(), 1u);
    const auto& [text, met] = *found.begin();
    EXPECT_EQ(met.rule.kernel, type == gpu::DeviceType::discrete ? "conv2d_shared_w8_i8_dot" : "conv2d_w8_i8_dot");
    int direct = 0, shared = 0;
    for (const std::string& row : candidate_rows(met.problem, caps)) {
      const StepProblem seen = seen_by(row, met.problem);
      (seen.family == Family::conv2d_shared ? shared : direct) += 1;
      const ConvTile first = first_tile(met, row, caps);
      std::vector<ConvTile> tiles = neighbouring_sizes(seen, caps, first);
      EXPECT_FALSE(tiles.empty()) << row;
      const std::vector<ConvTile> groups = neighbouring_groups(seen, caps, first);
      EXPECT_FALSE(groups.empty()) << row;
      tiles.insert(tiles.end(), groups.begin(), groups.end());
      tiles.push_back(first);
      for (const ConvTile& tile : tiles) {
        Choices choices;
        ASSERT_TRUE(choices.set(text, {row, tile}));
        const auto plan = plan_on(caps, image(14), {&choices});
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_TRUE(product_of(*plan).tuned) << to_string({row, tile});
        EXPECT_EQ(row_of_step(product_of(*plan)), row);
        EXPECT_EQ(spec_of(product_of(*plan), NBL_SPEC_CONV_TILE_X), tile.x);
      }
    }
    EXPECT_GE(direct, 2);
    EXPECT_EQ(shared, 2);
  }
}

TEST(SharedTile, another_size_of_the_image_needs_no_other_pipeline) {
  const gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  const auto small = plan_on(caps, image(24)), fresh = plan_on(caps, image(46));
  ASSERT_TRUE(small && fresh);
  ASSERT_EQ(row_of_step(product_of(*small)), "conv2d_shared_w8_i8_dot");
  ASSERT_NE(product_of(*small).spec, product_of(*fresh).spec) << "the sizes would be given the same tile anyway";
  const auto resized = plan_on(caps, image(46), {nullptr, nullptr, &small->choices});
  ASSERT_TRUE(resized) << resized.error().message;
  EXPECT_EQ(product_of(*resized).spec, product_of(*small).spec);
  EXPECT_EQ(product_of(*resized).kernel, product_of(*small).kernel);
}

TEST(SharedTile, forced_kernels_and_ways_to_sum_are_kept) {
  gpu::Caps caps = gpu_of(gpu::DeviceType::discrete, 1024, 49152);
  EXPECT_EQ(row_on(caps, image(14), "conv2d=conv2d_w8_i8_shift"), "conv2d_w8_i8_shift");
  EXPECT_EQ(row_on(caps, image(14), "conv2d=conv2d_w32_f32"), "conv2d_shared_w8_i8_dot") << "other types";
  caps.int8_path = gpu::Int8Path::f32;
  EXPECT_EQ(row_on(caps, image(14)), "conv2d_w8_i8_f32");
  EXPECT_EQ(row_on(caps, image(14), "conv2d_shared=conv2d_shared_w8_i8_shift"), "conv2d_shared_w8_i8_shift");
  caps.device_type = gpu::DeviceType::cpu;
  EXPECT_EQ(row_on(caps, image(14), "conv2d_shared=conv2d_shared_w8_i8_shift"), "conv2d_shared_w8_i8_shift");
}

TEST(SharedTile, is_for_gpus_with_memory_of_their_own) {
  const OpCase rows = linear_case("rows", Linear{}, {64, 128}, 64, kScheme);
  EXPECT_EQ(row_on(gpu_of(gpu::DeviceType::discrete, 1024, 49152), rows), "conv2d_shared_w8_i8_dot");
  EXPECT_EQ(row_on(gpu_of(gpu::DeviceType::virtual_gpu, 1024, 49152), rows), "conv2d_shared_w8_i8_dot");
  EXPECT_EQ(row_on(gpu_of(gpu::DeviceType::integrated, 256, 32768), rows), "conv2d_w8_i8_dot");
  EXPECT_EQ(row_on(gpu_of(gpu::DeviceType::cpu, 1024, 32768), rows), "conv2d_w8_i8_dot");
  // No dot product: AMD before RDNA 2, older drivers.
  gpu::Caps plain = gpu_of(gpu::DeviceType::discrete, 1024, 32768);
  plain.bits = gpu::Caps::none;
  plain.int8_path = gpu::Int8Path::shift;
  EXPECT_EQ(row_on(plain, rows), "conv2d_shared_w8_i8_shift");
  // A first layer has nothing to share.
  EXPECT_EQ(row_on(gpu_of(gpu::DeviceType::discrete, 1024, 49152),
                   conv_case("rgb", Conv2d{}, {1, 3, 9, 9}, 64, 3, 3, kScheme)),
            "conv2d_w8_i8_dot");
}

}  // namespace
}  // namespace nibble::test
