#include "converter/report/real_tensor.h"

#include <algorithm>
#include <cmath>

#include "core/requantize.h"
#include "core/try.h"
#include "media/preprocess_plan.h"

namespace nibble::report {
namespace {

using reference::FloatValue;

// Which entry of a list of 1 or C numbers belongs to an element, C being the length of the channel axis.
struct ChannelOf {
  size_t channels = 1, inner = 1;

  ChannelOf(std::span<const int64_t> shape, const media::Preprocessing& p) {
    if (shape.size() < 2) return;
    const bool last = media::deduce_layout(p.layout, shape) == media::Layout::nhwc;
    const size_t axis = last ? shape.size() - 1 : 1;
    channels = static_cast<size_t>(std::max<int64_t>(1, shape[axis]));
    for (size_t d = axis + 1; d < shape.size(); ++d) inner *= static_cast<size_t>(std::max<int64_t>(1, shape[d]));
  }

  double pick(const std::vector<double>& list, size_t element, double missing) const {
    if (list.empty()) return missing;
    return list[list.size() == 1 ? 0 : std::min((element / inner) % channels, list.size() - 1)];
  }
};

int64_t to_pixel(double value, double mean, double std) {
  const double pixel = std::round((value * std + mean) * 255.0);
  return std::isfinite(pixel) ? static_cast<int64_t>(std::clamp(pixel, 0.0, 255.0)) : 0;
}

// Integers that a sample's number can mean without overflow; the network's own checks follow.
int64_t to_integer(double value) {
  return std::isfinite(value) ? static_cast<int64_t>(std::clamp(std::round(value), -9.0e15, 9.0e15)) : 0;
}

void round_to(const TensorDesc& wanted, const media::Preprocessing& p, const FloatValue& from, FloatValue& to) {
  const ChannelOf channel(from.shape, p);
  const bool is_quantized = wanted.quant.kind == Quant::Kind::per_tensor;
  const bool pixels = holds_pixels(wanted.type, is_quantized);
  const int32_t least = wanted.type == DType::u8 ? 0 : -128, most = wanted.type == DType::u8 ? 255 : 127;
  to.stored.resize(from.real.size());
  for (size_t i = 0; i < from.real.size(); ++i) {
    const double value = from.real[i];
    if (pixels)
      to.stored[i] = to_pixel(value, channel.pick(p.mean, i, 0.0), channel.pick(p.std, i, 1.0));
    else if (is_quantized)
      to.stored[i] = nibble::quantize(value, wanted.quant.scale(), wanted.quant.zero_point, least, most);
    else
      to.stored[i] = to_integer(value);
  }
}

}  // namespace

bool holds_pixels(DType type, bool quantized) { return type == DType::u8 && !quantized; }

RealTensor real_tensor(const FloatValue& value) {
  return {value.desc.name, value.desc.type, value.desc.quant.kind != Quant::Kind::none, value.shape,
          reference::real_values(value)};
}

Result<RealTensor> real_tensor(const TensorValues& values) {
  TensorDesc desc;
  desc.name = values.info.name;
  desc.type = values.info.type;
  desc.shape.assign(values.info.shape.begin(), values.info.shape.end());
  if (values.info.quantized) desc.quant = Quant::tensor(values.info.scale, values.info.zero_point);
  NBL_TRY(const FloatValue value, reference::value_from_bytes<float>(desc, values.bytes));
  return real_tensor(value);
}

void pixels_to_values(const media::Preprocessing& preprocessing, std::vector<float>& pixels) {
  for (float& v : pixels) v = static_cast<float>((v - preprocessing.output_offset) / preprocessing.output_scale);
}

FloatValue fitted(const FloatValue& value, const TensorDesc& wanted, const media::Preprocessing& preprocessing) {
  FloatValue out;
  out.desc = wanted;
  out.shape = value.shape;
  if (out.is_real() && value.is_real())
    out.real = value.real;
  else if (out.is_real())
    out.real = reference::real_values(value);
  else if (!value.is_real())
    out.stored = value.stored;
  else
    round_to(wanted, preprocessing, value, out);
  return out;
}

}  // namespace nibble::report
