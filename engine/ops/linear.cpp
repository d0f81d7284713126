#include "ops/linear.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"
#include "ops/conv_checks.h"

namespace nibble {

Result<Outputs> infer(const Linear& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 2, 6));
  const TensorDesc& x = inputs[conv_input::x];
  const TensorDesc& weights = inputs[conv_input::weights];
  NBL_CHECK(check_rank(x, "x", 1, kMaxRank));
  NBL_CHECK(check_rank(weights, "weights", 2, 2));
  for (const Dim& dim : weights.shape) NBL_CHECK(check_known(dim, "weights"));
  NBL_CHECK(check_range("weights: elements", elements(weights.shape).value(), 1, kMaxDim));
  NBL_CHECK(check_known(x.shape.back(), "last axis of x"));
  if (!(x.shape.back() == weights.shape[1])) {
    return bad_node(format("x: expected last axis %s as in the weights, found shape %s",
                           weights.shape[1].to_string().c_str(), to_string(x.shape).c_str()));
  }
  Shape shape = x.shape;
  shape.back() = weights.shape[0];
  NBL_TRY(TensorDesc y, infer_conv_output(inputs, std::move(shape), op.activation, op.clamp));
  return one_output(std::move(y));
}

}  // namespace nibble
