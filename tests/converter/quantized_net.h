// Small networks quantized from start to end: passes, ranges from noise, quantize(), verify(), file and back.
#pragma once

#include <algorithm>

#include "converter/passes/pass.h"
#include "converter/quantize/quantize.h"
#include "format/pack_graph.h"
#include "format/reader.h"
#include "format/writer.h"
#include "graph/cost.h"
#include "tests/converter/oracle_run.h"
#include "tests/support/onnx_builder.h"

namespace nibble::test {

struct QuantizedNet {
  Graph original;  // after the passes
  quantization::Quantized quantized;
  std::string bytes;  // of the .nbl file

  const quantization::Decision* decision(const std::string& node) const {
    for (const auto& d : quantized.decisions) {
      if (d.node == node) return &d;
    }
    return nullptr;
  }
  size_t integer_nodes() const {
    return static_cast<size_t>(std::count_if(quantized.graph.nodes.begin(), quantized.graph.nodes.end(),
                                             [&](const Node& n) { return is_integer_node(quantized.graph, n); }));
  }
};

inline std::vector<Floats> noise_inputs(const Graph& graph) {
  std::vector<Floats> out;
  for (TensorId id : graph.inputs)
    out.push_back(noise(static_cast<size_t>(elements(graph.desc(id).shape).evaluate({})), 11));
  return out;
}

// Ranges of every float tensor when the network is fed noise.
inline quantization::Ranges noise_ranges(const Graph& graph) {
  quantization::Ranges ranges;
  const auto note = [&](TensorId id, const std::vector<double>& v) {
    if (v.empty() || graph.desc(id).type != DType::f32) return;
    const auto [low, high] = std::minmax_element(v.begin(), v.end());
    ranges[id] = {static_cast<float>(*low), static_cast<float>(*high)};
  };
  const Graph bound = bind_dims(graph, {}).value();
  reference::ValueMap values;
  const auto inputs = noise_inputs(graph);
  for (size_t i = 0; i < inputs.size(); ++i) {
    reference::Value value = reference::make_value<double>(bound.desc(bound.inputs[i])).value();
    value.real.assign(inputs[i].begin(), inputs[i].end());
    note(bound.inputs[i], value.real);
    values.emplace(bound.inputs[i], std::move(value));
  }
  reference::RunOptions options;
  options.observer = [&](TensorId id, const reference::Value& value) { note(id, value.real); };
  const auto run = reference::run(bound, std::move(values), options);
  EXPECT_TRUE(run) << run.error().message;
  return ranges;
}

inline QuantizedNet quantize_net(const OnnxBuilder& builder, const quantization::Options& options = {}) {
  QuantizedNet out;
  auto graph = builder.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  if (!graph) return out;
  out.original = std::move(*graph);
  const bool integer = options.activations == quantization::ActivationFormat::int8;
  EXPECT_TRUE(passes::run(out.original, {.integer_activations = integer}));
  auto quantized =
      quantization::quantize(out.original, integer ? noise_ranges(out.original) : quantization::Ranges{}, options);
  EXPECT_TRUE(quantized) << quantized.error().message;
  if (!quantized) return out;
  out.quantized = std::move(*quantized);
  const Status status = verify(out.quantized.graph);
  EXPECT_TRUE(status) << status.error().message << "\n" << dump_text(out.quantized.graph);
  Graph packed = out.quantized.graph;
  EXPECT_TRUE(pack_graph(packed));
  const auto bytes = model_bytes(packed);
  EXPECT_TRUE(bytes) << bytes.error().message;
  if (!bytes) return out;
  out.bytes.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  const auto back = read_model(*bytes, nullptr);
  EXPECT_TRUE(back) << back.error().message;
  if (back) {
    const auto again = model_bytes(*back);
    EXPECT_TRUE(again && *again == *bytes) << "the file changes when it is written again";
    const auto inputs = noise_inputs(out.original);
    const auto expected = run_floats(out.quantized.graph, inputs), actual = run_floats(*back, inputs);
    EXPECT_TRUE(expected && actual && *expected == *actual) << "the file computes something else";
  }
  return out;
}

// The largest difference between quantized and original network on noise, as a share of the largest output.
inline double worst_error(const QuantizedNet& net) {
  const auto inputs = noise_inputs(net.original);
  const auto expected = run_floats(net.original, inputs), actual = run_floats(net.quantized.graph, inputs);
  EXPECT_TRUE(expected);
  EXPECT_TRUE(actual) << actual.error().message << "\n" << dump_text(net.quantized.graph);
  if (!expected || !actual) return 1e9;
  double most = 1e-12, worst = 0;
  for (size_t k = 0; k < expected->size(); ++k) {
    for (size_t i = 0; i < (*expected)[k].size(); ++i) {
      most = std::max(most, std::abs((*expected)[k][i]));
      worst = std::max(worst, std::abs((*expected)[k][i] - (*actual)[k][i]));
    }
  }
  return worst / most;
}

}  // namespace nibble::test
