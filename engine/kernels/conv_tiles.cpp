#include "kernels/conv_tiles.h"

#include <algorithm>
#include <bit>

namespace nibble {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

uint32_t power_of_two_up_to(int64_t wanted, uint32_t limit) {
  const auto capped = static_cast<uint32_t>(std::clamp<int64_t>(wanted, 1, limit));
  return std::min(std::bit_ceil(capped), std::bit_floor(limit));
}

// Every tile loads its weights, which costs about as much as two more outputs.
uint32_t row_tile(int64_t row, uint32_t largest) {
  constexpr int64_t kWeightCost = 2;
  uint32_t best = 1;
  for (uint32_t tile = 1; tile <= largest; tile *= 2) {
    const auto cost = [&](uint32_t t) { return divide_up(row, t) * (t + kWeightCost); };
    if (cost(tile) <= cost(best)) best = tile;
  }
  return best;
}

int64_t invocations(const ConvExtent& e, const ConvTile& tile) {
  return divide_up(e.row, tile.x) * e.rows * e.batch * divide_up(e.o_blocks, tile.o) * e.groups;
}

// Invocations that keep a device busy: a software driver has as many lanes as two cores' vectors, a GPU thousands.
int64_t wanted_invocations(const gpu::Caps& caps) { return caps.device_type == gpu::DeviceType::cpu ? 64 : 4096; }

void choose_group(const gpu::Caps& caps, const ConvExtent& extent, ConvTile& tile) {
  const bool cpu = caps.device_type == gpu::DeviceType::cpu;
  const int64_t tiles = divide_up(extent.row, tile.x) * extent.rows;
  const int64_t o_tiles = divide_up(extent.o_blocks, tile.o) * extent.groups;
  // Neighbouring invocations read the same weights and neighbouring x. Small groups spread better over few cores.
  const uint32_t size = std::min(cpu ? 32u : 64u, caps.max_workgroup_invocations);
  tile.local_x = power_of_two_up_to(tiles, std::min({cpu ? 8u : 16u, size, caps.max_workgroup_size[0]}));
  tile.local_y = power_of_two_up_to(o_tiles, std::min(size / tile.local_x, caps.max_workgroup_size[1]));
  const uint32_t most = std::min(caps.max_workgroup_size[0], caps.max_workgroup_invocations);
  while (divide_up(tiles, tile.local_x) > caps.max_workgroup_count[0] && tile.local_x * 2 <= most) {
    tile.local_x *= 2;
    tile.local_y = std::max(1u, std::min(tile.local_y, caps.max_workgroup_invocations / tile.local_x));
  }
}

}  // namespace

ConvTile choose_conv_tile(const gpu::Caps& caps, const ConvExtent& extent, uint32_t largest_o) {
  ConvTile tile;
  const bool cpu = caps.device_type == gpu::DeviceType::cpu;
  tile.x = row_tile(extent.row, cpu ? 8 : 4);
  tile.o = extent.o_blocks >= 2 ? std::min(2u, largest_o) : 1;
  // One row of a matrix: every invocation reads weights of its own, and many of them hide that.
  if (extent.row == 1 && extent.rows == 1) tile.o = 1;
  while (invocations(extent, tile) < wanted_invocations(caps) && (tile.x > 2 || tile.o > 1)) {
    if (tile.x > 2) {
      tile.x /= 2;
    } else {
      tile.o /= 2;
    }
  }
  choose_group(caps, extent, tile);
  return tile;
}

ConvTile choose_depthwise_tile(const gpu::Caps& caps, const ConvExtent& extent, int64_t step, int64_t reach) {
  ConvTile tile;
  const bool cpu = caps.device_type == gpu::DeviceType::cpu;
  tile.x = row_tile(extent.row, cpu ? 8 : 4);
  while (tile.x > 1 && (tile.x - 1) * step + reach > kDepthwiseWindow) tile.x /= 2;
  choose_group(caps, extent, tile);
  return tile;
}

}  // namespace nibble
