// Builds a float graph layer by layer, with random weights.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"
#include "ops/op.h"

namespace nibble::shapes {

// A convolution's shape; `pad` below 0: half of the kernel on each side, so that only the stride changes the size.
struct ConvShape {
  int64_t channels = 0, kernel = 1, stride = 1, pad = -1, groups = 1;
  std::string activation;
  double gain = 1.0;  // of the weights, on top of what keeps the size of activations
};

// The first error stays: later calls do nothing and return kNoTensor.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(uint32_t seed) : random_(seed) {}

  const Status& status() const { return status_; }
  void fail(std::string message);
  // Names of the nodes that follow begin with it.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix), count_ = 0; }

  TensorId input(const std::string& name, Shape shape);
  void output(TensorId tensor);
  bool has_outputs() const { return !graph_.outputs.empty(); }

  // Sizes of a tensor; 0 behind an error or beyond the rank.
  int64_t size(TensorId tensor, size_t axis) const;
  size_t rank(TensorId tensor) const;
  int64_t channels(TensorId tensor) const { return size(tensor, 1); }
  int64_t width(TensorId tensor) const { return size(tensor, rank(tensor) - 1); }  // of the last axis

  TensorId emit(Op op, std::vector<TensorId> inputs);
  TensorId constant(Shape shape, std::vector<float> values);
  // A constant of random values in [-limit, limit).
  TensorId random(Shape shape, double limit);

  // relu, relu6, leaky, hswish, hsigmoid, silu, gelu, sigmoid; "" changes nothing.
  TensorId activate(TensorId x, const std::string& activation);
  static bool is_activation(const std::string& word);

  TensorId conv(TensorId x, const ConvShape& shape);
  TensorId depthwise(TensorId x, int64_t kernel, int64_t stride, const std::string& activation);
  // `weights` kNoTensor: random ones.
  TensorId linear(TensorId x, int64_t channels, const std::string& activation, bool bias = true, double gain = 1.0,
                  TensorId weights = kNoTensor);
  // Weights [channels, inputs, kernel, kernel] or, with kernel 0, [channels, inputs].
  TensorId weights(int64_t channels, int64_t inputs, int64_t kernel, double variance);

  TensorId add(TensorId a, TensorId b) { return emit(Binary{.kind = BinaryKind::add}, {a, b}); }
  TensorId multiply(TensorId a, TensorId b) { return emit(Binary{.kind = BinaryKind::mul}, {a, b}); }
  TensorId concat(std::vector<TensorId> parts, int32_t axis = 1) { return emit(Concat{axis}, std::move(parts)); }
  TensorId reshape(TensorId x, Shape shape) { return emit(Reshape{std::move(shape)}, {x}); }
  TensorId transpose(TensorId x, std::vector<int64_t> perm) { return emit(Transpose{std::move(perm)}, {x}); }
  // Elements begin, begin + step, ... of an axis, `count` of them.
  TensorId slice(TensorId x, size_t axis, int64_t begin, int64_t count, int64_t step = 1);

  Graph take() { return std::move(graph_); }

 private:
  Shape shape(TensorId tensor) const;

  Graph graph_;
  std::mt19937 random_;
  Status status_;
  std::string prefix_;
  int count_ = 0;
  size_t drawn_ = 0;
};

}  // namespace nibble::shapes
