// Zero padding of height and width goes into the convolution that follows.
#include <algorithm>

#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"

namespace nibble::passes {

namespace {

constexpr int64_t kMaxPad = 1 << 16;  // far beyond any network's, far below what int32 holds

}  // namespace

bool fold_pad(Graph& graph, const Options&) {
  Rewriter rewriter(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    const auto* pad = Rewriter::gone(node) ? nullptr : op_if<Pad>(node);
    if (!pad || pad->mode != PadMode::constant || pad->value != 0.0f || pad->begins.size() != 4) continue;
    if (pad->begins[0] || pad->begins[1] || pad->ends[0] || pad->ends[1]) continue;
    if (std::max({pad->begins[2], pad->begins[3], pad->ends[2], pad->ends[3]}) > kMaxPad) continue;
    Node* reader = rewriter.single_reader(node.outputs[0]);
    const auto* conv = reader ? op_if<Conv2d>(*reader) : nullptr;
    if (!conv || reader->inputs[conv_input::x] != node.outputs[0]) continue;
    Conv2d joined = *conv;
    joined.pad_top += static_cast<int32_t>(pad->begins[2]);
    joined.pad_left += static_cast<int32_t>(pad->begins[3]);
    joined.pad_bottom += static_cast<int32_t>(pad->ends[2]);
    joined.pad_right += static_cast<int32_t>(pad->ends[3]);
    set_op(*reader, joined);
    reader->inputs[conv_input::x] = node.inputs[0];
    rewriter.remove(node);
    changed = true;
  }
  return changed && rewriter.finish().has_value();
}

}  // namespace nibble::passes
