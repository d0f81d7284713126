// Short forms for tests of one node.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/op_case.h"

namespace nibble::test {

// The node's output as plain numbers (stored integers for integer types); a failure and nothing where it does not run.
inline std::vector<double> evaluated(Op op, std::vector<CaseInput> inputs, std::optional<TensorDesc> declared = {}) {
  auto built = build({"", std::move(op), std::move(inputs), std::move(declared), 1.0}, 1);
  if (!built) {
    ADD_FAILURE() << built.error().message;
    return {};
  }
  if (built->expected.is_real()) return built->expected.real;
  return {built->expected.stored.begin(), built->expected.stored.end()};
}

inline std::vector<int64_t> evaluated_shape(Op op, std::vector<CaseInput> inputs) {
  auto built = build({"", std::move(op), std::move(inputs), {}, 1.0}, 1);
  if (!built) ADD_FAILURE() << built.error().message;
  return built ? built->expected.shape : std::vector<int64_t>{};
}

// The message with which the node is refused, or nothing when it is not.
inline std::string refusal(Op op, std::vector<CaseInput> inputs, std::optional<TensorDesc> declared = {}) {
  auto built = build({"", std::move(op), std::move(inputs), std::move(declared), 1.0}, 1);
  return built ? std::string() : built.error().message;
}

inline void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << "element " << i;
}

inline CaseInput stored_i8(std::vector<int64_t> shape, std::vector<double> elements, float scale, int32_t zero_point) {
  CaseInput out = i8(std::move(shape), scale, zero_point);
  out.elements = std::move(elements);
  return out;
}

}  // namespace nibble::test
