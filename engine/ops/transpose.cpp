#include "ops/transpose.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const Transpose& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  const size_t rank = x.shape.size();
  if (op.perm.size() != rank) {
    return bad_node(format("perm: expected %zu axes, found %zu", rank, op.perm.size()));
  }
  std::vector<bool> seen(rank, false);
  Shape shape;
  for (int64_t axis : op.perm) {
    NBL_TRY(const size_t at, resolve_axis(axis, rank, false));
    if (seen[at]) return bad_node(format("perm: axis %zu occurs twice", at));
    seen[at] = true;
    shape.push_back(x.shape[at]);
  }
  NBL_TRY(TensorDesc y, like(x, "x", std::move(shape)));
  return one_output(std::move(y));
}

AxisMap axes(const Transpose& op, Inputs) {
  AxisMap map;
  for (size_t i = 0; i < op.perm.size(); ++i) map.same(input_axis(0, static_cast<size_t>(op.perm[i])), output_axis(i));
  return map;
}

}  // namespace nibble
