#include "kernels/conv_parts.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "kernels/conv_constants.h"
#include "kernels/conv_finish.h"
#include "kernels/conv_shared.h"
#include "kernels/conv_step.h"
#include "kernels/conv_tiles.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

constexpr int64_t kMaxExactProducts = 1024;  // products of int8 that fp32 sums exactly, ops/INTEGER.md
constexpr int64_t kMaxDepthwiseTaps = 512;   // of an unsigned byte and an int8, see shaders/conv2d_depthwise.comp
constexpr uint32_t kExactOffsetSteps = 146;  // of 4 products each, CONV_PLACED in shaders/lib/conv_mac.glsl
constexpr int64_t kMaxExactMultiplied = 64;  // products of int8, int4 and a group's multiplier

// Eight lanes (llvmpipe) shuffle in an instruction; four (SwiftShader) swap within a quad in one, and take eight for a
// shuffle.
bool shuffles(const gpu::Caps& caps) { return caps.subgroup_size > 4; }

// Steps after which a kernel closes its sums (CONV_CHUNKED in shaders/lib/conv_mac.glsl); nothing where it never does.
std::optional<uint32_t> chunk_steps(const Kernel& row, const params::ConvParams& p) {
  const bool lanes = (row.needs & gpu::Caps::lanes) != 0;
  if (row.key.activations != ElementType::i8) {
    return row.key.weights == ElementType::i4 && !lanes ? std::optional(p.group_steps) : std::nullopt;
  }
  if (row.key.weights == ElementType::i4) {
    return lanes ? static_cast<uint32_t>(kMaxExactMultiplied / 4) : p.group_steps;
  }
  if (lanes) return static_cast<uint32_t>(kMaxExactProducts / 4);
  if (row.path == gpu::Int8Path::f32) return kExactOffsetSteps;
  return std::nullopt;
}

// Closing sums after every tap costs a twentieth of a layer of so many blocks of input channels, less of one with more.
constexpr uint32_t kLeastBlocksByTap = 16;

// Whether some layer of the network has too many products for sums that are closed at the end, so that its pipeline
// closes them after every tap. Layers with fewer then do the same: another pipeline is 0.2 s and more of the first run
// on llvmpipe (a tenth of ResNet18's cold start), closing more often 1 to 2 % of a run.
bool closes_by_tap_elsewhere(const Graph& graph, uint32_t chunk) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    if (!has_input(node, conv_input::weights)) return false;
    const TensorDesc& weights = graph.desc(node.inputs[conv_input::weights]);
    if (weights.type != DType::i8 || weights.packing != Packing::blocked || weights.shape.size() != 4) return false;
    const int64_t blocks = divide_up(weights.shape[1].value(), 4);
    const int64_t taps = weights.shape[2].value() * weights.shape[3].value();
    return taps > 1 && blocks <= chunk && blocks * taps > chunk;
  });
}

// Four lanes (SwiftShader) copy all sums where a loop is entered and left. Finding the place of an input anew at every
// step costs less for up to so many blocks of input channels. int4 closes its sums so often that it always does.
constexpr uint32_t kMostFlatBlocks = 32;

bool is_flat(const params::ConvParams& p, const Kernel& kernel, const gpu::Caps& caps) {
  return (kernel.needs & gpu::Caps::lanes) != 0 && !shuffles(caps) && p.in_blocks > 1 &&
         (p.in_blocks <= kMostFlatBlocks || kernel.key.weights == ElementType::i4) && p.steps > p.in_blocks;
}

// How often a layer closes its sums.
uint32_t closing(const params::ConvParams& p, uint32_t chunk, const Kernel& kernel, const Lowering& lowering) {
  const bool lanes = (kernel.needs & gpu::Caps::lanes) != 0;
  const bool grouped = kernel.key.weights == ElementType::i4 && !lanes;  // chunks are the weights' groups
  const bool fits_taps = p.in_blocks <= chunk && !grouped &&
                         !(kernel.key.weights == ElementType::i4 && is_flat(p, kernel, lowering.caps()));
  if (p.steps > chunk) return fits_taps ? NBL_CHUNKS_TAPS : NBL_CHUNKS_COUNTED;
  const bool may_share = lanes && shuffles(lowering.caps()) && kernel.key.weights == ElementType::i8 &&
                         p.steps > p.in_blocks && p.in_blocks >= kLeastBlocksByTap;
  return may_share && closes_by_tap_elsewhere(lowering.graph(), chunk) ? NBL_CHUNKS_TAPS : NBL_CHUNKS_ONE;
}

void add_lanes(const Kernel& row, const gpu::Caps& caps, std::vector<SpecConstant>& spec) {
  if ((row.needs & gpu::Caps::lanes) == 0) return;
  spec.push_back({NBL_SPEC_CONV_LANES, caps.subgroup_size});
  spec.push_back({NBL_SPEC_CONV_SHUFFLE, shuffles(caps) ? 1u : 0u});
}

Status lower_blocked(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen) {
  const bool integer = c.x.type == DType::i8;
  NBL_TRY(const ConvConstants constants, add_constants(node, lowering, integer, chosen.key.weights));
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = static_cast<uint32_t>(divide_up(c.in_channels / c.groups, 4));
  p.out_blocks = static_cast<uint32_t>(divide_up(c.out_channels / c.groups, 4));
  p.steps = static_cast<uint32_t>(c.kernel_h * c.kernel_w) * p.in_blocks;
  p.group_steps = static_cast<uint32_t>(lowering.graph().desc(node.inputs[conv_input::weights]).quant.group_size / 4);
  // Tiles of a transposed convolution step by the stride: each phase of a stride has tiles of its own.
  const int64_t phases = c.transposed ? c.stride_w : 1;
  const int64_t row = divide_up(c.out_w, phases);
  const ConvExtent extent{row, c.out_h * phases, c.batch, p.out_blocks, c.groups, c.transposed ? 2u : 4u};
  StepProblem problem = step_problem(c, lowering, chosen, constants, {extent}, p.group_steps);
  problem.second = shared_tiles(c, lowering, chosen.key);
  NBL_TRY(const ChosenRow choice, lowering.choose(problem, choose_conv_tile(lowering.caps(), extent)));
  if (kernel_table()[static_cast<size_t>(choice.kernel)].family == Family::conv2d_shared) {
    return emit_shared(c, node, lowering, choice, problem, constants);
  }
  const ConvTile& tile = choice.tile;
  p.tiles_x = static_cast<uint32_t>(divide_up(row, tile.x) * phases);
  p.tiles = static_cast<uint32_t>(p.tiles_x * c.out_h);
  p.o_tiles = static_cast<uint32_t>(divide_up(p.out_blocks, tile.o));
  std::vector<SpecConstant> spec = common_spec(c, tile, constants, requantizes_short(c, node, lowering));
  spec.push_back({NBL_SPEC_CONV_TILE_X, tile.x});
  spec.push_back({NBL_SPEC_CONV_TILE_O, tile.o});
  spec.push_back({NBL_SPEC_CONV_PADDED, is_padded(c) ? 1u : 0u});
  if (!c.transposed && c.kernel_h == 1 && c.kernel_w == 1) spec.push_back({NBL_SPEC_CONV_ONE_TAP, 1});
  if (indexes_sums(lowering.caps())) spec.push_back({NBL_SPEC_CONV_INDEXED, 1});
  const Kernel& kernel = kernel_table()[static_cast<size_t>(choice.kernel)];
  if (p.in_blocks == 1) spec.push_back({NBL_SPEC_CONV_ONE_BLOCK, 1});
  uint32_t closed = NBL_CHUNKS_ONE;
  if (const std::optional<uint32_t> chunk = chunk_steps(kernel, p)) {
    closed = closing(p, *chunk, kernel, lowering);
    spec.push_back({NBL_SPEC_CONV_CHUNKS, closed});
  }
  if (closed != NBL_CHUNKS_TAPS && is_flat(p, kernel, lowering.caps())) spec.push_back({NBL_SPEC_CONV_FLAT, 1});
  add_lanes(kernel, lowering.caps(), spec);
  return emit_conv(c, lowering, choice, problem, constants, p, std::move(spec),
                   {group_count(p.tiles, tile.local_x), group_count(p.o_tiles * c.groups, tile.local_y),
                    static_cast<uint32_t>(c.batch)});
}

Status lower_depthwise(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen) {
  NBL_TRY(const ConvConstants constants, add_constants(node, lowering, c.x.type == DType::i8, chosen.key.weights));
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = 1;
  p.out_blocks = static_cast<uint32_t>(divide_up(c.out_channels, 4));
  p.o_tiles = p.out_blocks;
  p.steps = static_cast<uint32_t>(c.kernel_h * c.kernel_w);
  const int64_t reach = (c.kernel_w - 1) * c.dilation_w + 1;
  const bool window = c.kernel_w <= kDepthwiseTaps && reach <= kDepthwiseWindow;
  const ConvExtent extent{c.out_w, c.out_h, c.batch, p.out_blocks, 1, 1};
  const int64_t window_step = window ? c.stride_w : 0, window_reach = window ? reach : 0;
  StepProblem problem =
      step_problem(c, lowering, chosen, constants, {extent, largest_depthwise_tile(window_step, window_reach)}, 0);
  // All that lanes share here is the table.
  problem.lanes = constants.finish.table == NBL_TABLE_BYTES && shuffles(lowering.caps());
  NBL_TRY(const ChosenRow choice,
          lowering.choose(problem, choose_depthwise_tile(lowering.caps(), extent, window_step, window_reach)));
  const ConvTile& tile = choice.tile;
  p.tiles_x = static_cast<uint32_t>(divide_up(c.out_w, tile.x));
  p.tiles = static_cast<uint32_t>(p.tiles_x * c.out_h);
  std::vector<SpecConstant> spec = common_spec(c, tile, constants, requantizes_short(c, node, lowering));
  spec.push_back({NBL_SPEC_CONV_TILE_X, tile.x});
  spec.push_back({NBL_SPEC_CONV_PADDED, is_padded(c) ? 1u : 0u});
  spec.push_back({NBL_SPEC_CONV_KERNEL_W, window ? static_cast<uint32_t>(c.kernel_w) : 0u});
  if (window) {
    // One output has no neighbour to step to: any stride then makes the same pipeline.
    spec.push_back({NBL_SPEC_CONV_STRIDE_W, tile.x == 1 ? 1u : static_cast<uint32_t>(c.stride_w)});
    spec.push_back({NBL_SPEC_CONV_DILATION_W, static_cast<uint32_t>(c.dilation_w)});
  }
  add_lanes(kernel_table()[static_cast<size_t>(choice.kernel)], lowering.caps(), spec);
  return emit_conv(
      c, lowering, choice, problem, constants, p, std::move(spec),
      {group_count(p.tiles, tile.local_x), group_count(p.out_blocks, tile.local_y), static_cast<uint32_t>(c.batch)});
}

Status lower_grouped(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen) {
  NBL_TRY(const ConvConstants constants, add_constants(node, lowering, c.x.type == DType::i8, chosen.key.weights));
  const Graph& graph = lowering.graph();
  const TensorDesc& weights = graph.desc(node.inputs[conv_input::weights]);
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = static_cast<uint32_t>(c.in_channels / c.groups);
  p.out_blocks = static_cast<uint32_t>(c.out_channels / c.groups);
  p.steps = static_cast<uint32_t>(c.kernel_h * c.kernel_w);
  p.group_steps = static_cast<uint32_t>(weights.quant.group_size / 4);
  p.tiles_x = static_cast<uint32_t>(c.out_w);
  p.tiles = static_cast<uint32_t>(c.out_h * c.out_w);
  if (weights.type == DType::i4 && has_input(node, conv_input::group_multiplier)) {
    p.o_tiles = graph.desc(node.inputs[conv_input::group_multiplier]).packing == Packing::group_multipliers ? 1u : 0u;
  }
  const int64_t blocks = divide_up(c.out_channels, 4);
  const ConvExtent extent{c.out_h * c.out_w, 1, c.batch, blocks, 1, 1};
  const StepProblem problem = step_problem(c, lowering, chosen, constants, {extent, 1}, p.group_steps);
  NBL_TRY(const ChosenRow choice, lowering.choose(problem, single_output_tile(lowering.caps(), extent)));
  const ConvTile& tile = choice.tile;
  std::vector<SpecConstant> spec = common_spec(c, tile, constants, requantizes_short(c, node, lowering));
  spec.push_back({NBL_SPEC_CONV_PACKING, static_cast<uint32_t>(weights.packing)});
  spec.push_back({NBL_SPEC_CONV_TRANSPOSED, c.transposed ? 1u : 0u});
  return emit_conv(
      c, lowering, choice, problem, constants, p, std::move(spec),
      {group_count(p.tiles, tile.local_x), group_count(blocks, tile.local_y), static_cast<uint32_t>(c.batch)});
}

// One row of a matrix, for which a GPU needs more invocations than there are blocks of outputs.
bool is_gemv(const ConvProblem& c, const Lowering& lowering) {
  const bool one_row = c.kernel_h == 1 && c.kernel_w == 1 && c.out_h == 1 && c.out_w == 1 && c.groups == 1;
  return one_row && !c.transposed && !is_padded(c) &&
         (lowering.caps().device_type != gpu::DeviceType::cpu || lowering.overridden(Family::gemv));
}

Status lower_gemv(const ConvProblem& c, const Node& node, Lowering& lowering, const Chosen& chosen) {
  NBL_TRY(const ConvConstants constants, add_constants(node, lowering, c.x.type == DType::i8, chosen.key.weights));
  params::ConvParams p = fill_params(c, node, lowering, constants);
  p.in_blocks = p.steps = static_cast<uint32_t>(divide_up(c.in_channels, 4));
  p.out_blocks = static_cast<uint32_t>(divide_up(c.out_channels, 4));
  p.group_steps = static_cast<uint32_t>(lowering.graph().desc(node.inputs[conv_input::weights]).quant.group_size / 4);
  const StepProblem problem =
      step_problem(c, lowering, chosen, constants, {{1, 1, c.batch, p.out_blocks, 1, 1}, 1}, p.group_steps);
  NBL_TRY(ChosenRow choice, lowering.choose(problem, gemv_tile(lowering.caps(), p.steps)));
  choice.tile = gemv_tile_like(choice.tile);
  return emit_conv(c, lowering, choice, problem, constants, p,
                   common_spec(c, choice.tile, constants, requantizes_short(c, node, lowering)),
                   {1, group_count(p.out_blocks, choice.tile.local_y), static_cast<uint32_t>(c.batch)});
}

bool groups_keep_blocks(const ConvProblem& c) {
  return c.groups == 1 || ((c.in_channels / c.groups) % 4 == 0 && (c.out_channels / c.groups) % 4 == 0);
}

}  // namespace

Status set_operands(ConvProblem& problem, const Node& node, Lowering& lowering, Layout layout) {
  const Finish* finish = lowering.finish();
  NBL_TRY(problem.x, lowering.input(node.inputs[conv_input::x], layout));
  if (finish && finish->add >= 0) {
    NBL_TRY(problem.residual, lowering.input(finish->residual, layout));
  }
  NBL_TRY(problem.y, lowering.output(finish ? finish->output : node.outputs[0], layout, true));
  return {};
}

Result<ConvProblem> image_problem(const Node& node, Lowering& lowering) {
  constexpr Layout kImage{1};
  ConvProblem c;
  NBL_CHECK(set_operands(c, node, lowering, kImage));
  const std::vector<int64_t> weights = lowering.shape_of(node.inputs[conv_input::weights]);
  c.batch = c.x.shape[0];
  c.in_channels = c.x.shape[1], c.in_h = c.x.shape[2], c.in_w = c.x.shape[3];
  c.out_channels = c.y.shape[1], c.out_h = c.y.shape[2], c.out_w = c.y.shape[3];
  c.kernel_h = weights[2], c.kernel_w = weights[3];
  c.x_row = c.in_w, c.x_block = c.in_h * c.in_w, c.x_batch = c.x.units.blocks * c.x_block;
  c.y_row = c.out_w, c.y_block = c.out_h * c.out_w, c.y_batch = c.y.units.blocks * c.y_block;
  return c;
}

Status lower_conv(const ConvProblem& problem, const Node& node, Lowering& lowering) {
  ConvProblem c = problem;
  NBL_CHECK(check_limits(c, lowering.caps()));
  if (c.y.units.units() == 0) return {};
  const TensorDesc& weights = lowering.graph().desc(node.inputs[conv_input::weights]);
  const bool blocked = weights.packing == Packing::blocked && (is_gemv(c, lowering) || groups_keep_blocks(c));
  const ElementType kernel_weights = weights_of_kernel(node, lowering, blocked && !c.transposed);
  const KernelKey key{kernel_weights, element_type(c.x.type), ElementType::any};
  if (weights.packing == Packing::depthwise && !c.transposed && c.in_channels == c.out_channels &&
      c.groups == c.in_channels && c.kernel_h * c.kernel_w <= kMaxDepthwiseTaps) {
    return lower_depthwise(c, node, lowering, {Family::conv2d_depthwise, key});
  }
  if (weights.packing == Packing::blocked && is_gemv(c, lowering)) {
    return lower_gemv(c, node, lowering, {Family::gemv, key});
  }
  if (weights.packing == Packing::blocked && groups_keep_blocks(c)) {
    if (!c.transposed) join_rows(c);
    return lower_blocked(c, node, lowering, {c.transposed ? Family::conv_transpose2d : Family::conv2d, key});
  }
  return lower_grouped(c, node, lowering, {Family::conv2d_grouped, key});
}

}  // namespace nibble
