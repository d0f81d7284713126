// A node that runs forward and backward on a few samples at once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::recover {

// Sizes of a tensor in memory, channels last, which is what the processor's convolutions like best: [N, C, H, W] lies
// as n, h, w, c; [N, T, C] as h = T, w = 1; [N, C] as h = w = 1. n counts samples.
struct Extent {
  int64_t n = 1, h = 1, w = 1, c = 1;
  bool planes = false;  // four axes: the graph's own order is n, c, h, w; else it is the order in memory
  int64_t elements() const { return n * h * w * c; }
  std::array<int64_t, 4> sizes() const { return {n, h, w, c}; }
};

// Which of Extent::sizes() axis 0 <= axis < rank of a tensor is.
size_t memory_axis(size_t rank, size_t axis);

// Of a tensor whose first axis has one element a sample, for `samples` samples; an error for other ranks than 2 to 4,
// free dimensions and another first axis.
Result<Extent> extent_of(const TensorDesc& desc, int64_t samples);
// Of a constant that is broadcast to a tensor of `rank` axes and is the same for all samples.
Result<Extent> extent_of_constant(const TensorDesc& desc, size_t rank);

// Between the graph's order and that in memory.
void to_channels_last(const float* from, const Extent& extent, float* to);
void from_channels_last(const float* from, const Extent& extent, float* to);

// Memory that a layer may use during one call; each thread has its own.
struct LayerScratch {
  std::vector<float> values, work;
};

// One layer of a chain that is run on chunks of equally many samples. Constant after refresh(): threads may share it.
class Layer {
 public:
  virtual ~Layer() = default;

  // The parameters have changed.
  virtual Status refresh(const float* parameters) {
    (void)parameters;
    return {};
  }

  // x: one pointer an input of the node.
  virtual Status forward(std::span<const float* const> x, float* y, LayerScratch& scratch) const = 0;

  // Adds the gradients of the inputs to dx (null where nobody asks) and those of the parameters to `gradients`, which
  // is laid out as the parameters are. A layer that runs in place has x[0] == y and dx[0] == dy, and replaces.
  virtual Status backward(std::span<const float* const> x, const float* y, float* dy, std::span<float* const> dx,
                          float* gradients, LayerScratch& scratch) const = 0;
};

// Where a layer's weights and bias lie among the parameters.
struct WeightPlaces {
  size_t weights = 0;
  size_t bias = 0;
  bool has_bias = false;
};

// What the layers of a node are made from.
struct LayerSource {
  const Graph& graph;
  const Node& node;
  std::vector<Extent> x;  // an extent an input; weights and absent inputs have an empty one
  Extent y;
  WeightPlaces places;
};

// Null and `reason` where there is no backward for this operator or its attributes. The fused activation is not part of
// it, see activation_of().
Result<std::unique_ptr<Layer>> make_layer(const LayerSource& source, std::string& reason);

// The activation that a node applies to its result; identity where it has none.
struct LayerActivation {
  std::unique_ptr<Layer> layer;  // null for identity
  bool in_place = false;         // its gradient follows from its result alone
};
Result<LayerActivation> make_activation(const Node& node, const Extent& y, std::string& reason);

// Conv2d and Linear: nodes with weights.
bool is_weighted(const Node& node);

// One maker an operator family, each in a file of its own; null where they have none.
using LayerPtr = std::unique_ptr<Layer>;
Result<LayerPtr> make_convolution(const LayerSource& source, std::string& reason);  // Conv2d, Linear
LayerPtr make_binary(const LayerSource& source, std::string& reason);
LayerPtr make_unary(const LayerSource& source, std::string& reason);
LayerPtr make_window(const LayerSource& source, std::string& reason);    // Pool2d, Reduce
LayerPtr make_movement(const LayerSource& source, std::string& reason);  // Concat, Slice, Pad, Reshape

}  // namespace nibble::recover
