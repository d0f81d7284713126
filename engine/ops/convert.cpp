#include "ops/convert.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

// What elements go through: quantized ones are not read as plain integers (and the other way round).
bool convertible(DType from, DType to) {
  if (is_nibbles(from) || is_nibbles(to)) return false;
  if (is_quantized_type(from)) return is_float(to) || is_quantized_type(to);
  if (is_quantized_type(to)) return is_float(from);
  return true;
}

}  // namespace

Result<Outputs> infer(const Convert& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  if (inputs.declared.empty()) return bad_node("the output's type must be declared");
  const TensorDesc& declared = inputs.declared[0];
  if (!convertible(x.type, declared.type)) {
    return bad_node(format("cannot convert %s to %s", to_string(x.type), to_string(declared.type)));
  }
  NBL_CHECK(like(x, "x", {}));
  TensorDesc y;
  y.type = declared.type;
  y.quant = declared.quant;
  NBL_TRY(y, like(y, "output", x.shape));
  if (is_quantized_type(y.type)) NBL_CHECK(check_clamp(op.clamp, y.type));
  if (is_quantized_type(x.type) && is_quantized_type(y.type)) NBL_CHECK(check_multiplier(op.multiplier, op.shift));
  return one_output(std::move(y));
}

AxisMap axes(const Convert&, Inputs inputs) { return elementwise_axes(inputs); }

}  // namespace nibble
