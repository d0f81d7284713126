#include "ops/expand.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const Expand& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  bool fits = op.shape.size() >= x.shape.size();
  for (size_t i = 0; fits && i < x.shape.size(); ++i) {
    const Dim& from = x.shape[x.shape.size() - 1 - i];
    const Dim& to = op.shape[op.shape.size() - 1 - i];
    fits = from == to || !from.is_const() || from.value() == 1 || !to.is_const();
  }
  if (!fits) {
    return bad_node(format("shape: x of shape %s cannot be repeated to %s", to_string(x.shape).c_str(),
                           to_string(op.shape).c_str()));
  }
  NBL_TRY(TensorDesc y, like(x, "x", op.shape));
  return one_output(std::move(y));
}

AxisMap axes(const Expand& op, Inputs inputs) {
  AxisMap map;
  broadcast_axes(map, inputs, 0, op.shape);
  return map;
}

}  // namespace nibble
