#include "kernels/conv_tiles.h"

#include <algorithm>
#include <bit>
#include <initializer_list>

#include "kernels/conv_shared.h"

namespace nibble {
namespace {

bool is_cpu(const gpu::Caps& caps) { return caps.device_type == gpu::DeviceType::cpu; }

// The longest tile that leaves little of a row over. Few sizes: each is another pipeline to compile. Every tile loads
// its weights, which costs about as much as two more outputs.
uint32_t row_tile(int64_t row, std::initializer_list<uint32_t> sizes) {
  constexpr int64_t kWeightCost = 2;
  const auto cost = [&](uint32_t tile) { return divide_up(row, tile) * (tile + kWeightCost); };
  uint32_t best = 1;
  for (const uint32_t tile : sizes) {
    if (cost(tile) <= cost(best)) best = tile;
  }
  return best;
}

int64_t invocations(const ConvExtent& e, const ConvTile& tile) {
  return divide_up(e.row, tile.x) * e.rows * e.batch * divide_up(e.o_blocks, tile.o) * e.groups;
}

// Invocations that keep a device busy: a software driver has a few cores of a few lanes, a GPU thousands.
int64_t wanted_invocations(const gpu::Caps& caps) { return is_cpu(caps) ? 64 : 4096; }

// Neighbouring invocations share the weights they read and read neighbouring x, as far as there are so many tiles.
// Small groups spread better over few cores.
void choose_group(const gpu::Caps& caps, const ConvExtent& extent, ConvTile& tile) {
  const int64_t tiles = divide_up(extent.row, tile.x) * extent.rows;
  const uint32_t size = std::bit_floor(std::min(is_cpu(caps) ? 32u : 64u, caps.max_workgroup_invocations));
  const uint32_t widest = std::min({is_cpu(caps) ? 8u : 16u, size, caps.max_workgroup_size[0]});
  tile.local_x = 1;
  while (tile.local_x * 2 <= widest && tile.local_x < tiles) tile.local_x *= 2;
  tile.local_y = std::min(size / tile.local_x, caps.max_workgroup_size[1]);
  const uint32_t most = std::min(caps.max_workgroup_size[0], caps.max_workgroup_invocations);
  while (divide_up(tiles, tile.local_x) > caps.max_workgroup_count[0] && tile.local_x * 2 <= most) {
    tile.local_x *= 2;
    tile.local_y = std::max(1u, std::min(tile.local_y, caps.max_workgroup_invocations / tile.local_x));
  }
}

}  // namespace

void fit_groups(const gpu::Caps& caps, const ConvExtent& extent, ConvTile& tile) { choose_group(caps, extent, tile); }

bool tile_fits(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile) {
  const ConvExtent& e = bounds.extent;
  if (bounds.in_blocks > 0) return shared_stage(caps, bounds, tile).has_value();
  if (tile.x < 1 || tile.x > bounds.largest_x || tile.o < 1 || tile.o > e.largest_o || tile.o > e.o_blocks ||
      tile.slices != 1) {
    return false;
  }
  if (tile.local_x < 1 || tile.local_y < 1 || tile.local_x > caps.max_workgroup_size[0] ||
      tile.local_y > caps.max_workgroup_size[1] ||
      uint64_t{tile.local_x} * tile.local_y > caps.max_workgroup_invocations) {
    return false;
  }
  return divide_up(divide_up(e.row, tile.x) * e.rows, tile.local_x) <= caps.max_workgroup_count[0] &&
         divide_up(divide_up(e.o_blocks, tile.o) * e.groups, tile.local_y) <= caps.max_workgroup_count[1];
}

bool has_whole_subgroups(const gpu::Caps& caps, const ConvTile& tile) { return tile.local_x % caps.subgroup_size == 0; }

void widen_to_subgroups(const gpu::Caps& caps, ConvTile& tile) {
  tile.local_x = divide_up(tile.local_x, caps.subgroup_size) * caps.subgroup_size;
  tile.local_y = std::clamp(caps.max_workgroup_invocations / tile.local_x, 1u, tile.local_y);
}

bool indexes_sums(const gpu::Caps& caps) { return is_cpu(caps) && caps.subgroup_size < 8; }

ConvTile choose_conv_tile(const gpu::Caps& caps, const ConvExtent& extent) {
  ConvTile tile;
  tile.x = is_cpu(caps) ? row_tile(extent.row, {4, 8}) : row_tile(extent.row, {2, 4});
  tile.o = extent.o_blocks >= 2 ? 2 : 1;
  // Eight lanes (llvmpipe) earn 20 % from 8 x 16 over 8 x 8, four (SwiftShader) lose as much: they run out of
  // registers. From 16 channels on: fewer would be another pipeline, a fifth of the time to the first result of a
  // network.
  if (is_cpu(caps) && caps.subgroup_size >= 8 && extent.o_blocks >= 4) tile.o = std::min(4u, extent.largest_o);
  // With weights shared (Caps::lanes) four lanes do best with 4 x 16 for every kind of layer: longer tiles hold more
  // than the stack of a kernel lends them at full speed, see shaders/README.md.
  if (is_cpu(caps) && caps.has(gpu::Caps::lanes) && caps.subgroup_size < 8 && extent.largest_o >= 4) {
    tile.x = row_tile(extent.row, {4});
    if (extent.o_blocks >= 4) tile.o = 4;
  }
  // One row of a matrix: every invocation reads weights of its own, and many of them hide that.
  if (extent.row == 1 && extent.rows == 1) tile.o = 1;
  while (tile.o > 1 && invocations(extent, tile) < wanted_invocations(caps)) tile.o /= 2;
  if (tile.x > 4 && invocations(extent, tile) < wanted_invocations(caps)) tile.x = 4;
  choose_group(caps, extent, tile);
  return tile;
}

uint32_t largest_depthwise_tile(int64_t step, int64_t reach) {
  uint32_t x = kLargestTile;
  while (x > 1 && (x - 1) * step + reach > kDepthwiseWindow) x /= 2;
  return x;
}

ConvTile choose_depthwise_tile(const gpu::Caps& caps, const ConvExtent& extent, int64_t step, int64_t reach) {
  ConvTile tile;
  tile.x = is_cpu(caps) ? row_tile(extent.row, {4, 8}) : row_tile(extent.row, {2, 4});
  while (tile.x > largest_depthwise_tile(step, reach)) tile.x /= 2;
  choose_group(caps, extent, tile);
  return tile;
}

ConvTile gemv_tile_like(const ConvTile& tile) {
  ConvTile fitted{1, 1, std::bit_floor(std::min(tile.local_x, kMostGemvInvocations)), 1};
  fitted.local_y = std::clamp(kMostGemvInvocations / fitted.local_x, 1u, tile.local_y);
  return fitted;
}

// A reduction of 128 steps and more keeps 32 invocations busy, each with four loads under way; one of 1,024 keeps 64,
// so that a matrix of few outputs has enough bytes under way on a large GPU: 3 TB/s times 0.7 us are 2 MB, which 4,096
// inputs and outputs in int4 reach with 65,536 invocations of 32 bytes.
ConvTile gemv_tile(const gpu::Caps& caps, int64_t steps) {
  const uint32_t size = std::min(64u, caps.max_workgroup_invocations);
  const auto wanted = static_cast<uint32_t>(std::clamp<int64_t>(steps / 4, 1, steps < 1024 ? 32 : 64));
  const uint32_t local_x = std::bit_floor(std::min({wanted, size, caps.max_workgroup_size[0]}));
  return gemv_tile_like({1, 1, local_x, std::min(size / local_x, caps.max_workgroup_size[1])});
}

ConvTile single_output_tile(const gpu::Caps& caps, const ConvExtent& extent) {
  ConvTile tile;
  choose_group(caps, extent, tile);
  return tile;
}

}  // namespace nibble
