#include "converter/quantize/ranges.h"

#include <algorithm>
#include <cmath>

namespace nibble::quantization {

ActivationQuant choose_quant(Range range) {
  const double low = std::min(static_cast<double>(range.low), 0.0),
               high = std::max(static_cast<double>(range.high), 0.0);
  // A tensor that is always 0 still needs a scale; its only value is exact whatever it is.
  const double width = std::max(high - low, 1e-20);
  const auto scale = static_cast<float>(width / 254.0);
  const double zero = std::round(-127.0 - low / static_cast<double>(scale));
  return {scale, static_cast<int32_t>(std::clamp(zero, -127.0, 127.0)), -127, 127};
}

}  // namespace nibble::quantization
