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

}  // namespace nibble
