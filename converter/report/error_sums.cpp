#include "converter/report/error_sums.h"

#include <algorithm>
#include <cmath>

namespace nibble::report {

double limited_decibels(double signal, double noise) {
  if (noise <= 0.0) return kMostDecibels;
  if (signal <= 0.0) return -kMostDecibels;
  return std::clamp(10.0 * std::log10(signal / noise), -kMostDecibels, kMostDecibels);
}

void ErrorSums::add(std::span<const float> reference, std::span<const float> other) {
  const size_t count = std::min(reference.size(), other.size());
  for (size_t i = 0; i < count; ++i) {
    const double a = reference[i], b = other[i];
    if (!std::isfinite(a) || !std::isfinite(b)) {
      const bool same = a == b || (std::isnan(a) && std::isnan(b));
      not_finite_ += same ? 0 : 1;
      continue;
    }
    if (a < -kMaskedScore && b < -kMaskedScore) continue;
    const double difference = a - b;
    signal_ += a * a;
    other_ += b * b;
    product_ += a * b;
    noise_ += difference * difference;
    max_abs_ = std::max(max_abs_, std::abs(difference));
  }
  count_ += count;
}

void ErrorSums::merge(const ErrorSums& more) {
  count_ += more.count_;
  not_finite_ += more.not_finite_;
  signal_ += more.signal_;
  noise_ += more.noise_;
  other_ += more.other_;
  product_ += more.product_;
  max_abs_ = std::max(max_abs_, more.max_abs_);
}

std::optional<double> ErrorSums::noise_ratio() const {
  if (count_ == 0 || not_finite_ > 0) return std::nullopt;
  if (noise_ == 0.0) return 0.0;
  if (signal_ == 0.0) return std::nullopt;
  return noise_ / signal_;
}

std::optional<double> ErrorSums::sqnr_db() const {
  if (!noise_ratio()) return std::nullopt;
  return limited_decibels(signal_, noise_);
}

std::optional<double> ErrorSums::cosine() const {
  if (not_finite_ > 0 || signal_ == 0.0 || other_ == 0.0) return std::nullopt;
  return std::clamp(product_ / (std::sqrt(signal_) * std::sqrt(other_)), -1.0, 1.0);
}

std::optional<double> ErrorSums::max_abs() const {
  if (count_ == 0 || not_finite_ > 0) return std::nullopt;
  return max_abs_;
}

}  // namespace nibble::report
