#include <gtest/gtest.h>

#include <bit>
#include <optional>
#include <vector>

#include "kernels/conv_tiles.h"
#include "kernels/lowering.h"
#include "params.h"
#include "tests/support/op_case.h"

namespace nibble::test {
namespace {

gpu::Caps cpu_caps(uint32_t lanes) {
  gpu::Caps caps;
  caps.device_type = gpu::DeviceType::cpu;
  caps.subgroup_size = lanes;
  return caps;
}

gpu::Caps small_groups() {
  gpu::Caps caps;
  caps.max_workgroup_invocations = 24;
  caps.max_workgroup_size = {16, 2, 1};
  return caps;
}

Result<LoweredPlan> lowered(const OpCase& op_case, const gpu::Caps& caps) {
  auto built = build(op_case, 1);
  if (!built) return std::move(built).error();
  const KernelOverrides none;
  return Lowering(built->graph, caps, none).run();
}

const Step* conv_step(const LoweredPlan& plan) {
  for (const Step& step : plan.steps) {
    if (step.multiply_adds > 0) return &step;
  }
  return nullptr;
}

std::string row_of_layer(const OpCase& op_case, const gpu::Caps& caps) {
  const auto plan = lowered(op_case, caps);
  const Step* step = plan ? conv_step(*plan) : nullptr;
  if (!step) return "no step";
  return std::string(kernel_table()[static_cast<size_t>(step->kernel)].name);
}

TEST(ConvTiles, workgroups_stay_within_the_limits_of_the_device) {
  for (const gpu::Caps& caps : {gpu::Caps{}, cpu_caps(4), cpu_caps(8), small_groups()}) {
    for (int64_t row : {1, 2, 3, 7, 8, 49, 3136, 4000000}) {
      for (int64_t blocks : {1, 2, 3, 8, 240}) {
        const ConvExtent extent{row, row < 100 ? row : 1, 1, blocks, 1};
        for (const ConvTile& tile : {choose_conv_tile(caps, extent), choose_depthwise_tile(caps, extent, 2, 5),
                                     single_output_tile(caps, extent)}) {
          EXPECT_LE(tile.local_x * tile.local_y, caps.max_workgroup_invocations);
          EXPECT_LE(tile.local_x, caps.max_workgroup_size[0]);
          EXPECT_LE(tile.local_y, caps.max_workgroup_size[1]);
          EXPECT_GE(tile.local_x * tile.local_y, 1u);
          EXPECT_LE(tile.x, 8u);
          EXPECT_LE(tile.o, std::min<int64_t>(4, blocks));
        }
      }
    }
  }
}

TEST(ConvTiles, groups_grow_when_an_image_has_more_tiles_than_groups_are_allowed) {
  const ConvTile tile = choose_conv_tile(cpu_caps(8), {8 * 8 * 65536, 1, 1, 1, 1});
  EXPECT_EQ(tile.x, 8u);
  EXPECT_EQ(tile.local_x, 16u);
}

TEST(ConvTiles, a_depthwise_tile_fits_into_its_window) {
  for (int64_t step : {1, 2, 3, 5}) {
    for (int64_t reach : {1, 3, 9, 16}) {
      const ConvTile tile = choose_depthwise_tile(cpu_caps(8), {56, 56, 1, 36, 1}, step, reach);
      EXPECT_LE((tile.x - 1) * step + reach, kDepthwiseWindow);
    }
  }
}

TEST(ConvTiles, few_outputs_make_small_tiles) {
  EXPECT_EQ(choose_conv_tile(cpu_caps(8), {1, 1, 1, 250, 1}).o, 1u);
  EXPECT_EQ(choose_conv_tile(cpu_caps(8), {49, 1, 1, 4, 1}).o, 1u);
  EXPECT_EQ(choose_conv_tile(cpu_caps(8), {3136, 1, 1, 16, 1}).o, 4u);
  EXPECT_EQ(choose_conv_tile(cpu_caps(4), {3136, 1, 1, 16, 1}).o, 2u);
  // Layers of 16 channels share the pipeline of the wider ones.
  EXPECT_EQ(choose_conv_tile(cpu_caps(8), {3136, 1, 1, 4, 1}).o, 4u);
}

TEST(ConvTiles, a_gemv_shares_its_steps_between_a_power_of_two_of_invocations) {
  for (const gpu::Caps& caps : {gpu::Caps{}, cpu_caps(8), small_groups()}) {
    for (int64_t steps : {1, 3, 18, 325, 1024, 1 << 20}) {
      const ConvTile tile = gemv_tile(caps, steps);
      EXPECT_TRUE(std::has_single_bit(tile.local_x));
      EXPECT_LE(tile.local_x, caps.max_workgroup_size[0]);
      EXPECT_LE(tile.local_x * tile.local_y, std::min(caps.max_workgroup_invocations, kMostGemvInvocations));
    }
  }
  EXPECT_EQ(gemv_tile(gpu::Caps{}, 1023).local_x, 32u);
  EXPECT_EQ(gemv_tile(gpu::Caps{}, 1024).local_x, 64u);
  EXPECT_EQ(gemv_tile_like({8, 4, 1000, 24}), (ConvTile{1, 1, 128, 1}));
}

TEST(ConvLowering, a_gpu_takes_one_row_by_gemv) {
  gpu::Caps caps;
  caps.device_type = gpu::DeviceType::discrete;
  const OpCase row = linear_case("row", Linear{}, {1, 512}, 64, {.weights = DType::i4});
  EXPECT_EQ(row_of_layer(row, caps), "gemv_w4_f32");
  EXPECT_EQ(row_of_layer(row, cpu_caps(8)), "conv2d_w4_f32");
  EXPECT_EQ(row_of_layer(linear_case("rows", Linear{}, {2, 512}, 64, {.weights = DType::i4}), caps), "conv2d_w4_f32");
}

TEST(ConvTiles, four_lanes_that_share_weights_trade_outputs_for_channels) {
  gpu::Caps caps = cpu_caps(4);
  ConvExtent extent{3136, 1, 1, 16, 1};
  caps.bits = gpu::Caps::lanes;
  EXPECT_EQ(choose_conv_tile(caps, extent).x, 4u);
  EXPECT_EQ(choose_conv_tile(caps, extent).o, 4u);
  extent.o_blocks = 3;
  EXPECT_EQ(choose_conv_tile(caps, extent).x, 4u);
  EXPECT_EQ(choose_conv_tile(caps, extent).o, 2u);
  caps.bits = gpu::Caps::none;
  EXPECT_EQ(choose_conv_tile(caps, extent).x, 8u);
}

TEST(ConvLowering, rows_that_share_weights_want_a_subgroup_full_of_tiles) {
  gpu::Caps caps = cpu_caps(8);
  const OpCase many = conv_case("many", Conv2d{}, {1, 64, 28, 28}, 64, 1, 1, {});
  const OpCase few = conv_case("few", Conv2d{}, {1, 64, 2, 2}, 64, 1, 1, {});
  EXPECT_EQ(row_of_layer(many, caps), "conv2d_w32_f32");
  caps.bits = gpu::Caps::lanes;
  EXPECT_EQ(row_of_layer(many, caps), "conv2d_w32_f32_lanes");
  EXPECT_EQ(row_of_layer(few, caps), "conv2d_w32_f32");
}

TEST(ConvLowering, a_pointwise_convolution_is_one_long_row) {
  const auto plan = lowered(conv_case("1x1", Conv2d{}, {1, 64, 7, 7}, 256, 1, 1, {}), cpu_caps(8));
  ASSERT_TRUE(plan) << plan.error().message;
  const Step* step = conv_step(*plan);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->groups, (std::array<uint32_t, 3>{1, 4, 1}));  // 7 tiles of 8 outputs, 16 of four blocks each
  EXPECT_EQ(step->multiply_adds, 64u * 256u * 49u);
  EXPECT_FALSE(step->integer);
}

TEST(ConvLowering, integer_layers_count_as_such_and_take_the_preferred_path) {
  gpu::Caps caps = cpu_caps(4);
  for (gpu::Int8Path path : {gpu::Int8Path::shift, gpu::Int8Path::f32}) {
    caps.int8_path = path;
    const auto plan =
        lowered(conv_case("3x3", Conv2d{}, {1, 8, 6, 6}, 8, 3, 3, {.x = DType::i8, .weights = DType::i8}), caps);
    ASSERT_TRUE(plan) << plan.error().message;
    const Step* step = conv_step(*plan);
    ASSERT_NE(step, nullptr);
    EXPECT_TRUE(step->integer);
    EXPECT_EQ(kernel_table()[static_cast<size_t>(step->kernel)].path, path);
  }
}

// What a layer's pipeline is specialized for; nothing where it has no such constant.
std::optional<uint32_t> spec_of_layer(const OpCase& op_case, const gpu::Caps& caps, uint32_t id) {
  const auto plan = lowered(op_case, caps);
  EXPECT_TRUE(plan) << plan.error().message;
  const Step* step = plan ? conv_step(*plan) : nullptr;
  if (!step) return std::nullopt;
  for (const SpecConstant& constant : step->spec) {
    if (constant.id == id) return constant.value;
  }
  return std::nullopt;
}

TEST(ConvLowering, requantizes_the_long_way_only_where_that_shows) {
  struct Multiplier {
    int64_t multiplier, shift;
    uint32_t is_short;
  };
  // With 64 channels sums reach 2^20; all ties here lie below.
  for (const Multiplier& m :
       {Multiplier{1 << 30, 33, 0}, Multiplier{int64_t{511} << 21, 33, 0}, Multiplier{513 << 21, 33, 1},
        Multiplier{1 << 30, 60, 1}, Multiplier{0, 33, 1}, Multiplier{(1 << 30) + 1, 32, 0}}) {
    OpCase op_case = conv_case("one", Conv2d{}, {1, 64, 9, 9}, 8, 1, 1, {.x = DType::i8, .weights = DType::i8});
    for (size_t o = 0; o < 8; ++o) {
      op_case.inputs[conv_input::multiplier].elements[o] = o == 3 ? static_cast<double>(m.multiplier) : (1 << 30) + 1;
      op_case.inputs[conv_input::shift].elements[o] = o == 3 ? static_cast<double>(m.shift) : 40;
    }
    EXPECT_EQ(spec_of_layer(op_case, cpu_caps(8), NBL_SPEC_CONV_HIGH_SHIFT), m.is_short)
        << m.multiplier << " >> " << m.shift;
  }
}

OpCase three_by_three(int64_t in_channels, int64_t out_channels) {
  return conv_case("3x3", Conv2d{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
                   {1, in_channels, 28, 28}, out_channels, 3, 3, {.x = DType::i8, .weights = DType::i8});
}

gpu::Caps lane_caps() {
  gpu::Caps caps = cpu_caps(8);
  caps.bits = gpu::Caps::lanes;
  caps.int8_path = gpu::Int8Path::f32;
  return caps;
}

TEST(ConvLowering, layers_close_their_sums_as_rarely_as_they_may) {
  const auto closing = [](int64_t channels) {
    return spec_of_layer(three_by_three(channels, 64), lane_caps(), NBL_SPEC_CONV_CHUNKS);
  };
  EXPECT_EQ(closing(64), uint32_t{NBL_CHUNKS_ONE});
  EXPECT_EQ(closing(128), uint32_t{NBL_CHUNKS_TAPS});
  EXPECT_EQ(closing(1028), uint32_t{NBL_CHUNKS_COUNTED});
}

TEST(ConvLowering, four_lanes_have_one_loop_over_taps_and_a_few_channels) {
  gpu::Caps caps = lane_caps();
  const auto flat = [&](int64_t channels) {
    return spec_of_layer(three_by_three(channels, 64), caps, NBL_SPEC_CONV_FLAT).value_or(0);
  };
  EXPECT_EQ(flat(64), 0u);
  caps.subgroup_size = 4;
  EXPECT_EQ(flat(64), 1u);
  EXPECT_EQ(flat(4), 0u) << "a block is a loop over taps as it is";
  EXPECT_EQ(flat(128), 0u) << "sums are closed after every tap";
}

// 9 * 16 steps could be summed to the end; the second layer's 9 * 32 could not.
TEST(ConvLowering, layers_share_the_pipeline_of_a_longer_one_where_that_costs_little) {
  for (const int64_t channels : {64, 32}) {
    auto built = build(three_by_three(channels, 128), 1);
    ASSERT_TRUE(built) << built.error().message;
    Graph& graph = built->graph;
    const auto first = graph.nodes.back();
    TensorDesc weights = graph.desc(first.inputs[conv_input::weights]);
    weights.name = "longer";
    weights.shape = {64, 128, 3, 3};
    Node second = first;
    second.name = "second";
    second.inputs[conv_input::x] = first.outputs[0];
    second.inputs[conv_input::weights] =
        graph.add_constant(weights, ConstantData::of(std::vector<int8_t>(64 * 128 * 9, 1)));
    const auto cut = [&](size_t slot, size_t bytes) {
      TensorDesc desc = graph.desc(first.inputs[slot]);
      desc.name += " of 64";
      desc.shape = {64};
      const auto own = graph.tensor(first.inputs[slot]).constant->bytes.first(bytes);
      second.inputs[slot] = graph.add_constant(desc, ConstantData::own({own.begin(), own.end()}));
    };
    cut(conv_input::bias, 64 * 4), cut(conv_input::multiplier, 64 * 4), cut(conv_input::shift, 64);
    TensorDesc y = graph.desc(first.outputs[0]);
    y.name = "z";
    y.shape = {1, 64, 28, 28};
    second.outputs = {graph.add_tensor(y)};
    graph.outputs.push_back(second.outputs[0]);
    graph.nodes.push_back(second);
    const KernelOverrides none;
    const gpu::Caps caps = lane_caps();
    const auto plan = Lowering(graph, caps, none).run();
    ASSERT_TRUE(plan) << plan.error().message;
    std::vector<uint32_t> closings;
    for (const Step& step : plan->steps) {
      for (const SpecConstant& constant : step.spec) {
        if (step.multiply_adds > 0 && constant.id == NBL_SPEC_CONV_CHUNKS) closings.push_back(constant.value);
      }
    }
    const uint32_t of_first = channels == 64 ? NBL_CHUNKS_TAPS : NBL_CHUNKS_ONE;
    EXPECT_EQ(closings, (std::vector<uint32_t>{of_first, NBL_CHUNKS_TAPS})) << channels;
  }
}

TEST(ConvLowering, names_the_number_that_kernels_cannot_hold) {
  const auto plan = lowered(conv_case("far apart", Conv2d{.dilation_w = 70000, .pad_left = 40000, .pad_right = 40000},
                                      {1, 4, 1, 8}, 4, 1, 2, {}),
                            cpu_caps(8));
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("horizontal dilation is 70000"), std::string::npos) << plan.error().message;
}

}  // namespace
}  // namespace nibble::test
