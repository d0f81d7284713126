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

bool shape_fits(const gpu::Caps& caps, const ConvTile& tile) {
  for (const uint32_t size : {tile.x, tile.o, tile.local_x, tile.local_y}) {
    if (!std::has_single_bit(size)) return false;
  }
  return tile.x <= kMostPixels && tile.o <= kMostBlocks && tile.x <= tile.local_y &&
         tile.local_x <= caps.max_workgroup_size[0] && tile.local_y <= caps.max_workgroup_size[1] &&
         uint64_t{tile.local_x} * tile.local_y <= std::min(caps.max_workgroup_invocations, kMostInvocations);
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
  if (!shape_fits(caps, tile)) return std::nullopt;
  SharedStage stage;
  stage.steps = kMostSteps;
  while (stage.steps > 0 && !steps_fit(caps, bounds, tile, stage.steps)) stage.steps /= 2;
  if (stage.steps == 0) return std::nullopt;
  const uint32_t invocations = tile.local_x * tile.local_y;
  const int64_t all = workgroups(bounds.extent, tile.local_x * tile.x, tile.local_y * tile.o) * invocations;
  const int64_t chunks = bounds.taps * divide_up(bounds.in_blocks, stage.steps);
  const uint32_t most = std::min(caps.max_workgroup_invocations, kMostInvocations) / invocations;
  const auto may_slice = [&](uint32_t slices) {
    return slices <= most && slices <= caps.max_workgroup_size[2] && 2 * int64_t{slices} <= chunks &&
           bytes_of(tile, slices, stage.steps) <= most_bytes(caps);
  };
  while (all * stage.slices < kWantedInvocations && may_slice(2 * stage.slices)) stage.slices *= 2;
  stage.bytes = bytes_of(tile, stage.slices, stage.steps);
  return stage;
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
  return tile;
}

bool takes_shared(const ConvProblem& c, const Lowering& lowering, const Chosen& chosen) {
  if (chosen.key != KernelKey{ElementType::i8, ElementType::i8, ElementType::any} || c.transposed) return false;
  const gpu::Caps& caps = lowering.caps();
  const bool own_memory =
      caps.device_type == gpu::DeviceType::discrete || caps.device_type == gpu::DeviceType::virtual_gpu;
  const bool forced = lowering.overridden(Family::conv2d_shared);
  if (!forced && (!own_memory || lowering.overridden(Family::conv2d))) return false;
  const TileBounds bounds = bounds_of(c);
  if (!forced && (bounds.in_blocks < kLeastBlocks || bounds.extent.o_blocks < kLeastBlocks)) return false;
  return shared_stage(caps, bounds, choose_shared_tile(caps, bounds)).has_value();
}

Status lower_shared(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen) {
  NBL_TRY(const ConvConstants constants, add_constants(node, lowering, true, chosen.key.weights));
  const TileBounds bounds = bounds_of(c);
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = static_cast<uint32_t>(bounds.in_blocks);
  p.out_blocks = static_cast<uint32_t>(bounds.extent.o_blocks);
  p.steps = static_cast<uint32_t>(bounds.taps * bounds.in_blocks);
  p.tiles_x = static_cast<uint32_t>(c.out_w);
  p.tiles = static_cast<uint32_t>(c.out_h * c.out_w);
  const StepProblem problem = step_problem(c, lowering, chosen, constants, bounds, 0);
  NBL_TRY(const ChosenRow choice, lowering.choose(problem, choose_shared_tile(lowering.caps(), bounds)));
  const ConvTile& tile = choice.tile;
  const std::optional<SharedStage> stage = shared_stage(lowering.caps(), bounds, tile);
  if (!stage) return Error{Code::internal, "a tile was chosen that the device's shared memory does not hold"};
  p.o_tiles = group_count(p.out_blocks, tile.local_y * tile.o);
  std::vector<SpecConstant> spec = common_spec(c, tile, constants, requantizes_short(c, node, lowering));
  for (SpecConstant& constant : spec) {
    if (constant.id == NBL_SPEC_LOCAL_Z) constant.value = stage->slices;
  }
  const bool pointwise = c.kernel_h == 1 && c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1;
  const bool rows = pointwise && !is_padded(c) && c.in_h == 1 && c.x_block == 1;
  spec.insert(spec.end(), {{NBL_SPEC_CONV_TILE_X, tile.x},
                           {NBL_SPEC_CONV_TILE_O, tile.o},
                           {NBL_SPEC_CONV_SHARED_X, tile.local_x},
                           {NBL_SPEC_CONV_SHARED_Y, tile.local_y},
                           {NBL_SPEC_CONV_SHARED_SLICES, stage->slices},
                           {NBL_SPEC_CONV_SHARED_STEPS, stage->steps},
                           {NBL_SPEC_CONV_SHARED_ROWS, rows ? 1u : 0u}});
  return emit_conv(c, lowering, choice, problem, constants, p, std::move(spec),
                   {group_count(p.tiles, tile.local_x * tile.x), p.o_tiles * p.groups, static_cast<uint32_t>(c.batch)});
}

}  // namespace nibble
