// A part of a float network that can be run backward: from one fed tensor to one that is compared.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "converter/recover/layer.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::recover {

// A constant whose values may change, and where they lie among all of the subnet's.
struct Parameter {
  TensorId tensor = kNoTensor;
  size_t begin = 0, count = 0;
  bool is_bias = false;
  bool trainable = true;  // false where a node outside reads it too
};

class Subnet {
 public:
  // Memory of one run; each thread has its own.
  struct Workspace {
    std::vector<std::vector<float>> values, gradients;  // by slot; empty for what is fed, constant or not asked for
    LayerScratch scratch;
  };

  // From tensor `input` to tensor `output` of a graph with bound shapes and a batch of 1, by those of `nodes`
  // (ascending) that lie in between; `samples` are run at once. Code::unsupported_op where an operator has no gradient
  // here: the message is the reason. `graph` may go away afterwards.
  static Result<Subnet> make(const Graph& graph, std::span<const NodeId> nodes, TensorId input, TensorId output,
                             int64_t samples);

  // One run's sizes, for all samples together.
  const Extent& input() const { return slots_[input_].extent; }
  const Extent& output() const { return slots_[output_].extent; }
  int64_t samples() const { return samples_; }
  size_t weighted_layers() const { return weighted_layers_; }

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // As they are in the graph that the subnet was made from.
  const std::vector<float>& initial() const { return initial_; }

  // From now on runs use these values, which must stay where they are until the next call.
  Status use(const float* values);

  Workspace workspace(bool with_gradients) const;
  // x as input() says; the result (as output() says) lives in the workspace.
  Result<const float*> forward(const float* x, Workspace& w) const;
  // After forward() with the same x: adds d loss / d parameters to `gradients` where dy = d loss / d output. dy is used
  // up.
  Status backward(const float* x, const float* dy, float* gradients, Workspace& w) const;

  // Writes values into the constants of a graph with the same tensors.
  Status store(std::span<const float> values, Graph& graph) const;

 private:
  struct Slot {
    Extent extent;
    std::vector<float> constant;
    bool is_constant = false;
    bool wants_gradient = false;
  };
  struct Step {
    std::unique_ptr<Layer> layer;
    std::vector<size_t> inputs;
    size_t output = 0;
  };

  class Builder;
  const float* value(size_t slot, const float* x, const Workspace& w) const;

  int64_t samples_ = 1;
  size_t input_ = 0, output_ = 0, weighted_layers_ = 0;
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::vector<Parameter> parameters_;
  std::vector<float> initial_;
};

}  // namespace nibble::recover
