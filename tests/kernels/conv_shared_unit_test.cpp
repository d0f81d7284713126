// Which tiles imagined devices are given: a large GPU is filled by the layers of a ResNet, a small one's limits are
// kept.
#include <gtest/gtest.h>

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
  load.invocations = load.workgroups * tile.local_x * tile.local_y * stage->slices;
  const int64_t chunks = bounds.taps * divide_up(bounds.in_blocks, stage->steps);
  load.turns = static_cast<uint32_t>(divide_up(chunks, stage->slices));
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
  EXPECT_EQ(shared_stage(caps, bounds, {8, 2, 16, 8})->slices, 1u);
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
            EXPECT_LE(tile.local_x * tile.local_y * stage->slices, caps.max_workgroup_invocations);
            EXPECT_LE(stage->slices, caps.max_workgroup_size[2]);
            EXPECT_LE(stage->bytes, caps.shared_bytes);
          }
        }
      }
    }
  }
}

std::string row_on(const gpu::Caps& caps, const OpCase& op_case) {
  const auto built = build(op_case, 1);
  const KernelOverrides none;
  const auto plan = Lowering(built->graph, caps, none).run();
  if (!plan) return plan.error().message;
  for (const Step& step : plan->steps) {
    if (step.multiply_adds > 0) return std::string(kernel_table()[static_cast<size_t>(step.kernel)].name);
  }
  return "none";
}

TEST(SharedTile, is_for_gpus_with_memory_of_their_own) {
  const ConvScheme scheme{.x = DType::i8, .weights = DType::i8};
  const OpCase rows = linear_case("rows", Linear{}, {64, 128}, 64, scheme);
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
                   conv_case("rgb", Conv2d{}, {1, 3, 9, 9}, 64, 3, 3, scheme)),
            "conv2d_w8_i8_dot");
}

}  // namespace
}  // namespace nibble::test
