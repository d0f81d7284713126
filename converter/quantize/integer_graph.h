// Rewrites a float graph so that the nodes of an IntegerPlan compute in integers.
#pragma once

#include <functional>

#include "converter/quantize/integer_plan.h"

namespace nibble::quantization {

class IntegerRewriter {
 public:
  IntegerRewriter(const Graph& graph, IntegerPlan plan, const Options& options);
  Result<Quantized> run();

 private:
  // What an old tensor is in the new graph: real values, stored integers, or both.
  struct Forms {
    TensorId real = kNoTensor;  // also for tensors that were never float
    TensorId integer = kNoTensor;
    ActivationQuant quant;  // of the integer form
  };

  Result<TensorId> real(TensorId old);
  Result<TensorId> integer(TensorId old);
  Result<TensorId> integer_as(TensorId old, const ActivationQuant& quant);
  TensorId constant_as(const Tensor& constant, const ActivationQuant& quant);
  // Type and quantization that node outputs are declared with.
  TensorDesc declared(const ActivationQuant& quant) const;
  Status set_integer(const Node& old, TensorId made, const ActivationQuant& quant);
  Result<TensorId> emit(const std::string& name, Op op, std::vector<TensorId> inputs, const ActivationQuant& quant);

  Status import_inputs();
  Status copy_float(const Node& node);
  Status rewrite(const Node& node);
  Status rewrite_weights(const Node& node);
  Status rewrite_table(const Node& node);
  Status rewrite_binary(const Node& node);
  Status rewrite_mean(const Node& node);
  Status rewrite_concat(const Node& node);
  Status rewrite_moves(const Node& node);
  Status rewrite_convert(const Node& node);
  Status finish_outputs();

  const Graph& old_;
  IntegerPlan plan_;
  const Options& options_;
  const std::vector<NodeId> producers_;  // of old_
  Quantized out_;
  Graph& new_ = out_.graph;
  std::vector<Forms> forms_;
};

// 256 entries for i8 x: f(real value of x) in y's scales. `f` maps an array in place.
std::vector<int8_t> make_table(const ActivationQuant& x, const ActivationQuant& y,
                               const std::function<void(std::vector<double>&)>& f);

// The clamp of an integer node: the stored range, narrowed by a fused ReLU or Clip.
ClampRange clamp_range(const Activation& activation, const ActivationQuant& y);

}  // namespace nibble::quantization
