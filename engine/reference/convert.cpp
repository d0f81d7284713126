#include "ops/convert.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/requantize.h"
#include "reference/args.h"

namespace nibble::reference {

namespace {

// Towards zero; what does not fit saturates and NaN becomes 0.
int64_t truncate(double real, DType type) {
  if (std::isnan(real)) return 0;
  if (type == DType::boolean) return real != 0.0 ? 1 : 0;
  if (type == DType::i32) return static_cast<int64_t>(std::clamp(std::trunc(real), -2147483648.0, 2147483647.0));
  if (real >= 9223372036854775807.0) return std::numeric_limits<int64_t>::max();
  if (real <= -9223372036854775808.0) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(real);
}

bool is_quantized(DType type) { return type == DType::i8 || type == DType::u8; }

template <class T>
void requantized(const Convert& op, const BasicValue<T>& x, BasicValue<T>& y) {
  for (size_t i = 0; i < x.stored.size(); ++i) {
    const auto centered = static_cast<int32_t>(x.stored[i] - x.desc.quant.zero_point);
    const int64_t value = int64_t{y.desc.quant.zero_point} + requantize(centered, op.multiplier, op.shift);
    y.stored[i] = std::clamp<int64_t>(value, op.clamp.min, op.clamp.max);
  }
}

template <class T>
void to_integers(const Convert& op, const BasicValue<T>& x, BasicValue<T>& y) {
  const Quant& quant = y.desc.quant;
  for (size_t i = 0; i < x.real.size(); ++i) {
    const auto real = static_cast<double>(x.real[i]);
    y.stored[i] = is_quantized(y.desc.type)
                      ? quantize(real, quant.scale(), quant.zero_point, op.clamp.min, op.clamp.max)
                      : truncate(real, y.desc.type);
  }
}

}  // namespace

template <class T>
Status evaluate(const Convert& op, Args<T>& args) {
  const BasicValue<T>& x = args[0];
  BasicValue<T>& y = args.out;
  if (y.is_real()) {
    y.real = real_values(x);
  } else if (x.is_real()) {
    to_integers(op, x, y);
  } else if (is_quantized(x.desc.type)) {
    requantized(op, x, y);
  } else {
    y.stored = x.stored;
    for (int64_t& value : y.stored) {
      if (y.desc.type == DType::boolean) value = value != 0;
      if (y.desc.type == DType::i32) value = static_cast<int32_t>(value);
    }
  }
  return {};
}

template Status evaluate(const Convert&, Args<double>&);
template Status evaluate(const Convert&, Args<float>&);

}  // namespace nibble::reference
