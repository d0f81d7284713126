#include "converter/rounding/simulation.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/integer_plan.h"

namespace nibble::rounding {
namespace {

float nearest_stored(const quantization::ActivationQuant& q, float value, float inverse) {
  const float low = static_cast<float>(q.min - q.zero_point), high = static_cast<float>(q.max - q.zero_point);
  const float t = std::clamp(value * inverse, low, high);
  // Ties away from zero, as the contract has them.
  return static_cast<float>(static_cast<int32_t>(t + std::copysign(0.5f, t)));
}

}  // namespace

StoredScales stored_scales(const Graph& graph, const quantization::Ranges& ranges,
                           const quantization::Options& options) {
  StoredScales out(graph.tensors.size());
  if (options.activations != quantization::ActivationFormat::int8) return out;
  const quantization::IntegerPlan plan = quantization::plan_integers(graph, ranges, options);
  const auto readers = consumers(graph);
  const auto read_as_integer = [&](TensorId id) {
    const auto& nodes = readers[static_cast<size_t>(id)];
    return std::any_of(nodes.begin(), nodes.end(), [&](NodeId n) { return plan.integer[static_cast<size_t>(n)]; });
  };
  for (TensorId id : graph.inputs) {
    if (read_as_integer(id)) out[static_cast<size_t>(id)] = plan.quant[static_cast<size_t>(id)];
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const TensorId y = node.outputs[0];
    if (graph.desc(y).type != DType::f32) continue;
    if (!plan.integer[n]) {
      if (read_as_integer(y)) out[static_cast<size_t>(y)] = plan.quant[static_cast<size_t>(y)];
      continue;
    }
    const bool keeps = quantization::keeps_values(graph, node);
    out[static_cast<size_t>(y)] = keeps ? out[static_cast<size_t>(node.inputs[0])] : plan.quant[static_cast<size_t>(y)];
  }
  return out;
}

void quantize_values(const quantization::ActivationQuant& q, std::span<float> values) {
  const float inverse = 1.0f / q.scale, scale = q.scale;
  for (float& v : values) v = scale * nearest_stored(q, v, inverse);
}

std::vector<int8_t> to_stored(const quantization::ActivationQuant& q, std::span<const float> values) {
  std::vector<int8_t> out(values.size());
  const float inverse = 1.0f / q.scale;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<int8_t>(static_cast<int32_t>(nearest_stored(q, values[i], inverse)) + q.zero_point);
  return out;
}

void from_stored(const quantization::ActivationQuant& q, std::span<const int8_t> stored, std::span<float> values) {
  for (size_t i = 0; i < stored.size(); ++i)
    values[i] = q.scale * static_cast<float>(static_cast<int32_t>(stored[i]) - q.zero_point);
}

TensorEditor quantizing_editor(const StoredScales& scales) {
  return [&scales](TensorId id, std::span<float> values) {
    const auto at = static_cast<size_t>(id);
    if (at < scales.size() && scales[at]) quantize_values(*scales[at], values);
  };
}

}  // namespace nibble::rounding
