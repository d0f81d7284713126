#include "ops/resize.h"

#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

// floor(size * scale); a free size needs a scale that is a fraction of small numbers.
Result<Dim> scaled(const Dim& size, float scale) {
  if (size.is_const()) {
    // In float, as ONNX Runtime does it: 10 * 0.7f is 7 there, but below 7 in double.
    const float out = std::floor(static_cast<float>(size.value()) * scale);
    if (!(out <= 2147483520.0f))
      return bad_node(format("scale: %g makes the output too large", static_cast<double>(scale)));
    return Dim(static_cast<int64_t>(out));
  }
  for (int64_t denominator = 1; denominator <= 64; ++denominator) {
    const double numerator = static_cast<double>(scale) * static_cast<double>(denominator);
    const double nearest = std::round(numerator);
    if (nearest >= 1 && nearest < 65536 && std::abs(numerator - nearest) < 1e-6 * nearest) {
      return floor_div(size * static_cast<int64_t>(nearest), denominator);
    }
  }
  return bad_node(format("scale: %g does not give a whole formula for the free dimension %s",
                         static_cast<double>(scale), size.to_string().c_str()));
}

Status check_enums(const Resize& op) {
  NBL_CHECK(check_range("mode", static_cast<int32_t>(op.mode), 0, 2));
  NBL_CHECK(check_range("coordinates", static_cast<int32_t>(op.coordinates), 0, 5));
  return check_range("nearest", static_cast<int32_t>(op.nearest), 0, 3);
}

Result<Dim> output_size(const Resize& op, bool vertical, const Dim& in) {
  const float scale = vertical ? op.scale_h : op.scale_w;
  NBL_CHECK(check_finite("scale", scale));
  if (scale < 0.0f) return bad_node(format("scale: expected a positive number, found %g", static_cast<double>(scale)));
  if (!op.sizes.empty()) return op.sizes[vertical ? 0 : 1];
  if (scale == 0.0f) return bad_node("expected sizes or scales, found neither");
  return scaled(in, scale);
}

}  // namespace

Result<Outputs> infer(const Resize& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_enums(op));
  NBL_CHECK(check_finite("cubic_a", op.cubic_a));
  NBL_CHECK(check_rank(x, "x", 4, 4));
  NBL_CHECK(check_type(x, "x", {DType::f32, DType::f16, DType::i8, DType::u8}));
  if (!op.sizes.empty() && op.sizes.size() != 2) {
    return bad_node(format("sizes: expected 2, found %zu", op.sizes.size()));
  }
  if (op.cubic_a < -4.0f || op.cubic_a > 4.0f) {
    return bad_node(format("cubic_a: expected -4 to 4, found %g", static_cast<double>(op.cubic_a)));
  }
  NBL_TRY(Dim height, output_size(op, true, x.shape[2]));
  NBL_TRY(Dim width, output_size(op, false, x.shape[3]));
  NBL_TRY(TensorDesc y, like(x, "x", {x.shape[0], x.shape[1], height, width}));
  return one_output(std::move(y));
}

AxisMap axes(const Resize&, Inputs) {
  AxisMap map;
  for (size_t i = 0; i < 2; ++i) map.same(input_axis(0, i), output_axis(i));
  return map;
}

}  // namespace nibble
