#include "ops/reshape.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const Reshape& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  const Dim before = elements(x.shape);
  const Dim after = elements(op.shape);
  // With free dimensions only what is known can be compared; binding them checks again.
  if (before.is_const() && after.is_const() && !(before == after)) {
    return bad_node(format("shape: %s has %s elements, x of shape %s has %s", to_string(op.shape).c_str(),
                           after.to_string().c_str(), to_string(x.shape).c_str(), before.to_string().c_str()));
  }
  NBL_TRY(TensorDesc y, like(x, "x", op.shape));
  return one_output(std::move(y));
}

AxisMap axes(const Reshape& op, Inputs inputs) {
  // Both shapes fall into the smallest blocks of equal product; within a block only the outermost axes are tied, a run
  // of inner elements each ([C, H, W] -> [C * H * W]: channel c is H * W columns).
  AxisMap map;
  const Shape& from = inputs[0].shape;
  const Shape& to = op.shape;
  size_t i = 0, k = 0;
  while (i < from.size() && k < to.size()) {
    if (from[i] == to[k]) {
      map.same(input_axis(0, i++), output_axis(k++));
      continue;
    }
    if (from[i] == Dim(1)) {  // an axis of size 1 comes or goes
      ++i;
      continue;
    }
    if (to[k] == Dim(1)) {
      ++k;
      continue;
    }
    Dim product_from = from[i], product_to = to[k];
    size_t end_i = i + 1, end_k = k + 1;
    while (!(product_from == product_to)) {
      if (!product_from.is_const() || !product_to.is_const()) return map;  // what remains cannot be told apart
      const bool smaller = product_from.value() < product_to.value();
      if (smaller ? end_i >= from.size() : end_k >= to.size()) return map;
      if (smaller) {
        product_from *= from[end_i++];
      } else {
        product_to *= to[end_k++];
      }
    }
    if (product_from.is_const() && from[i].is_const() && to[k].is_const()) {
      const int64_t all = product_from.value(), a = from[i].value(), b = to[k].value();
      const int64_t inner_a = all / a, inner_b = all / b;  // elements behind one index of the outermost axis
      if (inner_a % inner_b == 0) {
        map.links.push_back(
            {.a = input_axis(0, i), .b = output_axis(k), .count = a, .run_a = 1, .run_b = inner_a / inner_b});
      } else if (inner_b % inner_a == 0) {
        map.links.push_back(
            {.a = input_axis(0, i), .b = output_axis(k), .count = b, .run_a = inner_b / inner_a, .run_b = 1});
      }
    }
    i = end_i;
    k = end_k;
  }
  return map;
}

}  // namespace nibble
