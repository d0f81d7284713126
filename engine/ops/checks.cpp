#include "ops/checks.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"

namespace nibble {

bool is_float(DType type) { return type == DType::f32 || type == DType::f16; }
bool is_quantized_type(DType type) { return type == DType::i8 || type == DType::u8; }

Error bad_node(std::string message) { return Error{Code::invalid_argument, std::move(message)}; }

Status check_inputs(Inputs inputs, size_t required, size_t most) {
  if (inputs.size() < required || inputs.size() > most) {
    return bad_node(format("expected %zu to %zu inputs, found %zu", required, most, inputs.size()));
  }
  for (size_t i = 0; i < required; ++i) {
    if (!inputs.has(i)) return bad_node(format("input %zu is required but absent", i));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs.has(i) && inputs[i].shape.size() > kMaxRank) {
      return bad_node(format("input %zu: expected at most %zu axes, found %zu", i, kMaxRank, inputs[i].shape.size()));
    }
  }
  return {};
}

Status check_type(const TensorDesc& desc, const char* what, std::initializer_list<DType> allowed) {
  if (std::find(allowed.begin(), allowed.end(), desc.type) != allowed.end()) return {};
  std::string names;
  for (DType type : allowed) names += (names.empty() ? "" : ", ") + std::string(to_string(type));
  return bad_node(format("%s: expected type %s, found %s", what, names.c_str(), to_string(desc.type)));
}

Status check_rank(const TensorDesc& desc, const char* what, size_t least, size_t most) {
  const size_t rank = desc.shape.size();
  if (rank >= least && rank <= most) return {};
  const std::string wanted = least == most ? format("%zu", least) : format("%zu to %zu", least, most);
  return bad_node(format("%s: expected %s axes, found shape %s", what, wanted.c_str(), to_string(desc.shape).c_str()));
}

Status check_shape(const TensorDesc& desc, const char* what, const Shape& expected) {
  if (desc.shape == expected) return {};
  return bad_node(
      format("%s: expected shape %s, found %s", what, to_string(expected).c_str(), to_string(desc.shape).c_str()));
}

Status check_known(const Dim& dim, const char* what) {
  if (!dim.is_const()) return bad_node(format("%s: expected a fixed size, found %s", what, dim.to_string().c_str()));
  return check_range(what, dim.value(), 1, kMaxDim);
}

Status check_range(const char* what, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return {};
  return bad_node(format("%s: expected %lld to %lld, found %lld", what, static_cast<long long>(least),
                         static_cast<long long>(most), static_cast<long long>(value)));
}

Status check_finite(const char* what, float value) {
  if (std::isfinite(value)) return {};
  return bad_node(format("%s: expected a finite number, found %g", what, static_cast<double>(value)));
}

Status check_activation(const Activation& activation, bool integer_node) {
  if (!is_valid(activation.kind)) {
    return bad_node(format("activation: unknown function number %d", static_cast<int>(activation.kind)));
  }
  if (integer_node && activation.kind != UnaryKind::identity) {
    return bad_node(format("activation: integer nodes have bounds only, found %s", to_string(activation.kind)));
  }
  return {};
}

Status check_clamp(const ClampRange& clamp, DType type) {
  const int32_t least = type == DType::u8 ? 0 : -128;
  const int32_t most = type == DType::u8 ? 255 : 127;
  NBL_CHECK(check_range("out_min", clamp.min, least, most));
  return check_range("out_max", clamp.max, clamp.min, most);
}

Status check_multiplier(int32_t multiplier, int32_t shift) {
  if (multiplier != 0) NBL_CHECK(check_range("multiplier", multiplier, int64_t{1} << 30, (int64_t{1} << 31) - 1));
  return check_range("shift", shift, 1, 62);
}

Result<size_t> resolve_axis(int64_t axis, size_t rank, bool negative_allowed) {
  const auto size = static_cast<int64_t>(rank);
  if (axis >= size || axis < (negative_allowed ? -size : 0)) {
    return bad_node(format("axis %lld is outside a tensor of %zu axes", static_cast<long long>(axis), rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + size : axis);
}

Status check_quant(const TensorDesc& desc, const char* what) {
  if (desc.quant.kind == Quant::Kind::none) return {};
  if (desc.quant.kind != Quant::Kind::per_tensor || desc.quant.scales.size() != 1) {
    return bad_node(
        format("%s: expected one scale for the whole tensor, found %zu scales", what, desc.quant.scales.size()));
  }
  const float scale = desc.quant.scale();
  if (!std::isfinite(scale) || scale <= 0.0f) {
    return bad_node(format("%s: expected a positive scale, found %g", what, static_cast<double>(scale)));
  }
  const bool unsigned_type = desc.type == DType::u8;
  return check_range("zero point", desc.quant.zero_point, unsigned_type ? 0 : -128, unsigned_type ? 255 : 127);
}

Result<TensorDesc> like(const TensorDesc& x, const char* what, Shape shape) {
  if (is_nibbles(x.type)) return bad_node(format("%s: %s is for weights only", what, to_string(x.type)));
  TensorDesc out;
  out.type = x.type;
  out.shape = std::move(shape);
  if (is_quantized_type(x.type)) {
    NBL_CHECK(check_quant(x, what));
    out.quant = x.quant;
  }
  return out;
}

Result<TensorDesc> declared_quantized(Inputs inputs, const TensorDesc& x, Shape shape) {
  NBL_CHECK(check_quant(x, "input"));
  TensorDesc out;
  out.type = x.type;
  out.shape = std::move(shape);
  if (!inputs.declared.empty()) {
    out.type = inputs.declared[0].type;
    out.quant = inputs.declared[0].quant;
  }
  NBL_CHECK(check_type(out, "output of an integer node", {x.type}));
  NBL_CHECK(check_quant(out, "output"));
  return out;
}

Result<Outputs> one_output(TensorDesc desc) {
  if (desc.shape.size() > kMaxRank) {
    return bad_node(
        format("output: expected at most %zu axes, found shape %s", kMaxRank, to_string(desc.shape).c_str()));
  }
  for (const Dim& dim : desc.shape) {
    if (dim.is_const() && (dim.value() < 1 || dim.value() > kMaxDim)) {
      return bad_node(format("output shape %s: sizes must lie in 1..%lld", to_string(desc.shape).c_str(),
                             static_cast<long long>(kMaxDim)));
    }
  }
  const Dim count = elements(desc.shape);
  if (count.is_const() && count.value() > kMaxDim) {
    return bad_node(format("output shape %s: more than %lld elements", to_string(desc.shape).c_str(),
                           static_cast<long long>(kMaxDim)));
  }
  Outputs outputs;
  outputs.push_back(std::move(desc));
  return outputs;
}

}  // namespace nibble
