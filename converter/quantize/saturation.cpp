#include "converter/quantize/saturation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/op.h"
#include "reference/elementwise.h"

namespace nibble::quantization {
namespace {

constexpr int kPoints = 2048;

// The part of `range` outside which f, limited to what y stores, stays within half a step of a constant.
Range unsaturated(const Unary& op, Range range, const ActivationQuant& out) {
  const double step = static_cast<double>(out.scale);
  const double least_out = step * (out.min - out.zero_point), most_out = step * (out.max - out.zero_point);
  std::vector<double> y(kPoints);
  const double low = static_cast<double>(range.low), width = static_cast<double>(range.high) - low;
  for (int i = 0; i < kPoints; ++i) y[static_cast<size_t>(i)] = low + width * i / (kPoints - 1);
  reference::apply_unary<double>(op.kind, static_cast<double>(op.a), static_cast<double>(op.b), y.data(), y.data(),
                                 y.size());
  if (std::any_of(y.begin(), y.end(), [](double v) { return !std::isfinite(v); })) return range;
  for (double& v : y) v = std::clamp(v, least_out, most_out);
  // How far one can go from an end before f has moved by more than half a step.
  const auto flat = [&](int from, int direction) {
    double least = y[static_cast<size_t>(from)], most = least;
    int i = from;
    for (; i + direction >= 0 && i + direction < kPoints; i += direction) {
      const double v = y[static_cast<size_t>(i + direction)];
      least = std::min(least, v);
      most = std::max(most, v);
      if (most - least > 0.5 * step) break;
    }
    return i;
  };
  const int first = flat(0, 1), last = flat(kPoints - 1, -1);
  if (first >= last) return range;  // a constant: nothing to gain
  return {static_cast<float>(low + width * first / (kPoints - 1)),
          static_cast<float>(low + width * last / (kPoints - 1))};
}

}  // namespace

void narrow_to_unsaturated(const Graph& graph, Ranges& ranges) {
  const auto readers = consumers(graph);
  Ranges narrowed = ranges;
  for (auto& [id, range] : narrowed) {
    const auto& nodes = readers[static_cast<size_t>(id)];
    const bool is_output = std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
    if (nodes.empty() || is_output || !(range.low < range.high)) continue;
    Range needed{range.high, range.low};
    bool only_functions = true;
    for (NodeId n : nodes) {
      const Node& node = graph.nodes[static_cast<size_t>(n)];
      const auto* op = op_if<Unary>(node);
      const auto y = op ? ranges.find(node.outputs[0]) : ranges.end();
      if (!op || node.inputs.size() != 1 || y == ranges.end()) {
        only_functions = false;
        break;
      }
      const Range part = unsaturated(*op, range, choose_quant(y->second));
      needed = {std::min(needed.low, part.low), std::max(needed.high, part.high)};
    }
    if (only_functions) range = needed;
  }
  ranges = std::move(narrowed);
}

}  // namespace nibble::quantization
