// A case of an operator test: a node, its inputs, and what the oracle makes of them.
//
//   OpCase{"odd columns", Softmax{.axis = 1}, {f32({3, 13, 5})}}
//   conv_case("stride two", Conv2d{.stride_h = 2, .stride_w = 2}, {1, 5, 9, 7}, 8, 3, 3, {.x = DType::i8, .weights =
//   DType::i4})
//
// build() makes the one-node graph with random elements and computes the expected output; the same seed gives the same
// numbers. The kernel tests run the graph on a device and compare with mismatch().
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/op.h"
#include "reference/value.h"

namespace nibble::test {

// One input slot. Elements are random in [low, high] (stored integers for integer types), or the ones given.
struct CaseInput {
  bool absent = false;
  bool constant = false;  // a constant of the graph instead of an input
  TensorDesc desc;        // packing: how a constant is packed (its elements are given or drawn in plain order)
  double low = -2.0, high = 2.0;
  std::vector<double> elements;

  CaseInput as_constant() &&;
  CaseInput between(double low, double high) &&;
  CaseInput packed(Packing packing) &&;
};

CaseInput f32(std::vector<int64_t> shape);
CaseInput f32(std::vector<int64_t> shape, std::vector<double> elements);
CaseInput f16(std::vector<int64_t> shape);
CaseInput i8(std::vector<int64_t> shape, float scale, int32_t zero_point);  // stored numbers in [-127, 127]
CaseInput u8(std::vector<int64_t> shape, float scale, int32_t zero_point);
CaseInput i32(std::vector<int64_t> shape, std::vector<double> elements);
CaseInput i64(std::vector<int64_t> shape, std::vector<double> elements);
CaseInput absent();

struct OpCase {
  std::string name;
  Op op;
  std::vector<CaseInput> inputs;
  std::optional<TensorDesc> declared = {};  // type and quantization of the output, for integer arithmetic and Convert
  double tolerance_factor = 1.0;            // for functions that devices may compute more loosely, such as pow
};
std::ostream& operator<<(std::ostream& out, const OpCase& op_case);  // its name, for test reports

TensorDesc declared_i8(float scale, int32_t zero_point);

struct BuiltCase {
  Graph graph;                          // one node; its output is the graph's
  std::vector<reference::Value> feeds;  // one per graph input, in their order
  reference::Value expected;
  double tolerance = 0.0;  // absolute; 0 where the integer contract or plain moving of elements asks for the same bits
};
Result<BuiltCase> build(const OpCase& op_case, uint32_t seed);

// Empty when every element of `found` (in host order, as the output's type says) lies within the tolerance; else how
// many do not, and the worst.
std::string mismatch(const BuiltCase& built, std::span<const std::byte> found);

// How weighted operators are stored.
struct ConvScheme {
  DType x = DType::f32;        // f32, f16 or i8; i8 makes an integer node
  DType weights = DType::f32;  // f32, f16, i8, i4 or lut4
  int32_t group_size = 32;     // i4
  bool bias = true;
  bool packed = true;       // as converters write it: blocked, depthwise for one input and one output channel a group
  bool full_range = false;  // i8 x down to -128, weights of -128 as well
  int32_t zero_point = 11;  // of an i8 x
};

// Cases with weights [outputs, C/groups, kernel_h, kernel_w] and all the slots the scheme needs. Multipliers are such
// that outputs of an integer node fill the int8 range and saturate now and then.
OpCase conv_case(std::string name, Conv2d op, std::vector<int64_t> x, int64_t outputs, int64_t kernel_h,
                 int64_t kernel_w, const ConvScheme& scheme);
OpCase conv_transpose_case(std::string name, ConvTranspose2d op, std::vector<int64_t> x, int64_t outputs,
                           int64_t kernel_h, int64_t kernel_w, const ConvScheme& scheme);
// x [..., K] and weights [outputs, K].
OpCase linear_case(std::string name, Linear op, std::vector<int64_t> x, int64_t outputs, const ConvScheme& scheme);

// Absolute error allowed for a float node: rounding steps grow with the square root of the reduction's length.
double float_tolerance(const Graph& graph, const std::vector<reference::Value>& inputs,
                       const reference::Value& expected);

}  // namespace nibble::test
