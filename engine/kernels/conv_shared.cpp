#include "kernels/conv_shared.h"

#include <algorithm>
#include <bit>

#include "core/try.h"

namespace nibble {
namespace {

// Limits of shaders/conv2d_shared.comp: registers that hold what is on its way to shared memory, and sums.
constexpr uint32_t kMostWords = 8, kMostWeights = 4, kMostPixels = 8, kMostBlocks = 4;
constexpr uint32_t kMostSteps = 32;
// More would leave room for too few workgroups beside it, or is more than some devices have.
constexpr uint32_t kMostBytes = 32768;
constexpr uint32_t kMostInvocations = 512;
// The least that is worth staging: below, a first layer for instance, every word is read once or twice.
constexpr int64_t kLeastBlocks = 4;
// Of a large GPU: two for each of 128 cores, and so many invocations that waiting for memory is hidden.
constexpr int64_t kWantedWorkgroups = 256, kWantedInvocations = 65536;
// Two barriers and the addresses of what is fetched next, in steps: an estimate.
constexpr int64_t kTurnCost = 2;
constexpr uint32_t kLargestPixels = 128, kLargestBlocks = 16, kLeastTilePixels = 16, kLeastTileBlocks = 4;

int64_t workgroups(const ConvExtent& e, int64_t pixels, int64_t blocks) {
  return divide_up(e.row * e.rows, pixels) * divide_up(e.o_blocks, blocks) * e.groups * e.batch;
}

uint32_t bytes_of(const ConvTile& tile, uint32_t slices, uint32_t steps) {
  const uint32_t x = tile.local_x * tile.x + 4, w = tile.local_y * tile.o + 1;
  return slices * steps * (x * 4 + w * 16) + ((slices - 1) * tile.local_x * tile.local_y + 1) * 16;
}

uint32_t most_bytes(const gpu::Caps& caps) { return std::min(caps.shared_bytes, kMostBytes); }

// What an invocation fetches at a time fits its registers, and divides evenly.
bool steps_fit(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile, uint32_t steps) {
  return tile.x * steps <= kMostWords * tile.local_y && tile.o * steps <= kMostWeights * tile.local_x &&
         tile.x * steps >= tile.local_y && steps <= tile.local_x * tile.local_y && steps < 2 * bounds.in_blocks &&
         bytes_of(tile, 1, steps) <= most_bytes(caps);
}

// Few turns through the reduction, and little of the last one beyond a tap's channels, which is multiplied all the
// same: 36 blocks take 5 turns of 8, not 2 of 32. 0 where no number of steps fits.
uint32_t choose_steps(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile) {
  uint32_t best = 0;
  int64_t least = 0;
  for (uint32_t steps = kMostSteps; steps > 0; steps /= 2) {
    if (!steps_fit(caps, bounds, tile, steps)) continue;
    const int64_t cost = divide_up(bounds.in_blocks, steps) * (steps + kTurnCost);
    if (best == 0 || cost < least) {
      best = steps;
      least = cost;
    }
  }
  return best;
}

bool slices_fit(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile, uint32_t steps) {
  const uint32_t most = std::min(caps.max_workgroup_invocations, kMostInvocations) / (tile.local_x * tile.local_y);
  if (tile.slices > most || tile.slices > caps.max_workgroup_size[2]) return false;
  return tile.slices == 1 || (tile.slices <= bounds.taps * divide_up(bounds.in_blocks, steps) &&
                              bytes_of(tile, tile.slices, steps) <= most_bytes(caps));
}

bool shape_fits(const gpu::Caps& caps, const ConvTile& tile) {
  for (const uint32_t size : {tile.x, tile.o, tile.local_x, tile.local_y, tile.slices}) {
    if (!std::has_single_bit(size)) return false;
  }
  return tile.x <= kMostPixels && tile.o <= kMostBlocks && tile.x <= tile.local_y &&
         tile.local_x <= caps.max_workgroup_size[0] && tile.local_y <= caps.max_workgroup_size[1] &&
         uint64_t{tile.local_x} * tile.local_y <= std::min(caps.max_workgroup_invocations, kMostInvocations);
}

bool workgroups_fit(const gpu::Caps& caps, const ConvExtent& e, const ConvTile& tile) {
  return divide_up(e.row * e.rows, int64_t{tile.local_x} * tile.x) <= caps.max_workgroup_count[0] &&
         divide_up(e.o_blocks, int64_t{tile.local_y} * tile.o) * e.groups <= caps.max_workgroup_count[1];
}

TileBounds bounds_of(const ConvProblem& c) {
  const int64_t in_blocks = divide_up(c.in_channels / c.groups, 4),
                out_blocks = divide_up(c.out_channels / c.groups, 4);
  TileBounds bounds{{c.out_h * c.out_w, 1, c.batch, out_blocks, c.groups}};
  bounds.in_blocks = in_blocks;
  bounds.taps = c.kernel_h * c.kernel_w;
  return bounds;
}

}  // namespace

std::optional<SharedStage> shared_stage(const gpu::Caps& caps, const TileBounds& bounds, const ConvTile& tile) {
  if (!shape_fits(caps, tile) || !workgroups_fit(caps, bounds.extent, tile)) return std::nullopt;
  const uint32_t steps = choose_steps(caps, bounds, tile);
  if (steps == 0 || !slices_fit(caps, bounds, tile, steps)) return std::nullopt;
  return SharedStage{steps, bytes_of(tile, tile.slices, steps)};
}

void fit_slices(const gpu::Caps& caps, const TileBounds& bounds, ConvTile& tile) {
  tile.slices = 1;
  if (!shape_fits(caps, tile)) return;
  const uint32_t steps = choose_steps(caps, bounds, tile);
  if (steps == 0) return;
  const int64_t all =
      workgroups(bounds.extent, tile.local_x * tile.x, tile.local_y * tile.o) * tile.local_x * tile.local_y;
  const int64_t chunks = bounds.taps * divide_up(bounds.in_blocks, steps);
  ConvTile more = tile;
  while (all * tile.slices < kWantedInvocations) {
    more.slices = 2 * tile.slices;
    // Two turns for each and more, so that one's wait for memory is hidden.
    if (2 * int64_t{more.slices} > chunks || !slices_fit(caps, bounds, more, steps)) break;
    tile = more;
  }
}

ConvTile choose_shared_tile(const gpu::Caps& caps, const TileBounds& bounds) {
  const ConvExtent& e = bounds.extent;
  uint32_t pixels = kLargestPixels, blocks = kLargestBlocks;
  while (pixels > kLeastTilePixels && pixels / 2 >= e.row * e.rows) pixels /= 2;
  while (blocks > kLeastTileBlocks && blocks / 2 >= e.o_blocks) blocks /= 2;
  while (workgroups(e, pixels, blocks) < kWantedWorkgroups) {
    const bool fewer_pixels = pixels > kLeastTilePixels && (pixels >= 4 * blocks || blocks == kLeastTileBlocks);
    if (!fewer_pixels && blocks == kLeastTileBlocks) break;
    (fewer_pixels ? pixels : blocks) /= 2;
  }
  ConvTile tile;
  tile.local_y = std::min({pixels * blocks >= 1024 ? 8u : 4u, blocks, std::bit_floor(caps.max_workgroup_size[1])});
  tile.local_x = std::max(std::min(16u, pixels), pixels / tile.local_y);
  tile.x = pixels / tile.local_x;
  tile.o = blocks / tile.local_y;
  fit_slices(caps, bounds, tile);
  return tile;
}

std::optional<StepProblem::Second> shared_tiles(const ConvProblem& c, Lowering& lowering, const KernelKey& key) {
  constexpr Family kFamily = Family::conv2d_shared;
  if (key != KernelKey{ElementType::i8, ElementType::i8, ElementType::any} || c.transposed) return std::nullopt;
  const gpu::Caps& caps = lowering.caps();
  const TileBounds bounds = bounds_of(c);
  const bool forced = lowering.overridden(kFamily, key);
  if (!forced) {
    if (caps.device_type == gpu::DeviceType::cpu || lowering.overridden(Family::conv2d, key)) return std::nullopt;
    if (bounds.in_blocks < kLeastBlocks || bounds.extent.o_blocks < kLeastBlocks) return std::nullopt;
    // A build with few kernels may have none of them.
    if (!lowering.select(kFamily, key)) return std::nullopt;
  }
  const ConvTile tile = choose_shared_tile(caps, bounds);
  if (!shared_stage(caps, bounds, tile)) return std::nullopt;
  const bool own_memory =
      caps.device_type == gpu::DeviceType::discrete || caps.device_type == gpu::DeviceType::virtual_gpu;
  return StepProblem::Second{kFamily, bounds, tile, forced || (own_memory && caps.int8_path != gpu::Int8Path::f32)};
}

Status emit_shared(const ConvProblem& c, const Node& node, Lowering& lowering, const ChosenRow& choice,
                   const StepProblem& problem, const ConvConstants& constants) {
  const TileBounds bounds = bounds_of(c);
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = static_cast<uint32_t>(bounds.in_blocks);
  p.out_blocks = static_cast<uint32_t>(bounds.extent.o_blocks);
  p.steps = static_cast<uint32_t>(bounds.taps * bounds.in_blocks);
  p.tiles_x = static_cast<uint32_t>(c.out_w);
  p.tiles = static_cast<uint32_t>(c.out_h * c.out_w);
  const ConvTile& tile = choice.tile;
  const std::optional<SharedStage> stage = shared_stage(lowering.caps(), bounds, tile);
  if (!stage) return Error{Code::internal, "a tile was chosen that the device's shared memory does not hold"};
  p.o_tiles = group_count(p.out_blocks, tile.local_y * tile.o);
  std::vector<SpecConstant> spec = common_spec(c, tile, constants, requantizes_short(c, node, lowering));
  for (SpecConstant& constant : spec) {
    if (constant.id == NBL_SPEC_LOCAL_Z) constant.value = tile.slices;
  }
  const bool pointwise = c.kernel_h == 1 && c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1;
  const bool rows = pointwise && !is_padded(c) && c.in_h == 1 && c.x_block == 1;
  spec.insert(spec.end(), {{NBL_SPEC_CONV_TILE_X, tile.x},
                           {NBL_SPEC_CONV_TILE_O, tile.o},
                           {NBL_SPEC_CONV_SHARED_X, tile.local_x},
                           {NBL_SPEC_CONV_SHARED_Y, tile.local_y},
                           {NBL_SPEC_CONV_SHARED_SLICES, tile.slices},
                           {NBL_SPEC_CONV_SHARED_STEPS, stage->steps},
                           {NBL_SPEC_CONV_SHARED_ROWS, rows ? 1u : 0u}});
  return emit_conv(c, lowering, choice, problem, constants, p, std::move(spec),
                   {group_count(p.tiles, tile.local_x * tile.x), p.o_tiles * p.groups, static_cast<uint32_t>(c.batch)});
}

}  // namespace nibble
