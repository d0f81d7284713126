#include "ops/linear.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"
#include "ops/conv_axes.h"
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

AxisMap axes(const Linear&, Inputs inputs) {
  AxisMap map;
  const size_t last = inputs[conv_input::x].shape.size() - 1;
  for (size_t i = 0; i < last; ++i) map.same(input_axis(conv_input::x, i), output_axis(i));
  weight_axes(map, inputs, last);
  if (map.frozen.empty()) {
    map.same(input_axis(conv_input::x, last), input_axis(conv_input::weights, 1));
    map.links.back().summed = true;
  }
  return map;
}

}  // namespace nibble
