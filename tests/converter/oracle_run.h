// Runs graphs on the oracle, with floats in and out.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/try.h"
#include "reference/evaluate.h"

namespace nibble::test {

using Floats = std::vector<float>;

// Values that look random and repeat: -1..1.
inline Floats noise(size_t count, uint32_t seed = 1) {
  Floats out;
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    out.push_back(static_cast<float>(static_cast<int32_t>(state >> 8) - (1 << 23)) / static_cast<float>(1 << 23));
  }
  return out;
}

// Every output as real numbers; quantized ones dequantized. Inputs are given in the graph's order.
inline Result<std::vector<std::vector<double>>> run_floats(const Graph& graph, const std::vector<Floats>& inputs,
                                                           const DimBindings& dims = {}) {
  NBL_TRY(const Graph bound, bind_dims(graph, dims));
  reference::ValueMap values;
  for (size_t i = 0; i < bound.inputs.size(); ++i) {
    NBL_TRY(reference::Value value, reference::make_value<double>(bound.desc(bound.inputs[i])));
    if (i < inputs.size() && value.is_real())
      value.real.assign(inputs[i].begin(), inputs[i].end());
    else if (i < inputs.size())
      value.stored.assign(inputs[i].begin(), inputs[i].end());
    values.emplace(bound.inputs[i], std::move(value));
  }
  NBL_TRY(const reference::ValueMap computed, reference::run(bound, std::move(values), {}));
  std::vector<std::vector<double>> out;
  for (TensorId id : bound.outputs) out.push_back(reference::real_values(computed.at(id)));
  return out;
}

// The only output of a graph with one input; fails the test on an error.
inline std::vector<double> run_one(const Graph& graph, const Floats& input, const DimBindings& dims = {}) {
  const auto out = run_floats(graph, {input}, dims);
  EXPECT_TRUE(out) << out.error().message << "\n" << dump_text(graph);
  return out ? (*out)[0] : std::vector<double>{};
}

inline void expect_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
}

inline size_t count_of(const Graph& graph, const std::string& op) {
  size_t count = 0, at = 0;
  for (const std::string text = dump_text(graph); (at = text.find(" = " + op + "(", at)) != std::string::npos; ++at)
    ++count;
  return count;
}

}  // namespace nibble::test
