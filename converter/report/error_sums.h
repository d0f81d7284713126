// How far one tensor's values lie from a reference's, added up over samples in double.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace nibble::report {

// Decibels beyond this say no more than "equal up to rounding in fp32"; a value that is exactly equal counts as this.
inline constexpr double kMostDecibels = 200.0;

// Scores below minus this on both sides are masked positions before a softmax: they would drown every other value.
inline constexpr double kMaskedScore = 1e8;

class ErrorSums {
 public:
  // Spans of the same length. Pairs in which one is NaN or infinite and the other is not the same are counted and left
  // out; masked pairs are just left out.
  void add(std::span<const float> reference, std::span<const float> other);
  void merge(const ErrorSums& more);

  // 10 log10(signal / noise), within +-kMostDecibels. Nothing where no value was added, where something was not finite,
  // and where the reference is all zeros and the other is not.
  std::optional<double> sqnr_db() const;
  // noise / signal, under the same conditions.
  std::optional<double> noise_ratio() const;
  // Of the two as vectors; nothing where one of them is all zeros.
  std::optional<double> cosine() const;
  std::optional<double> max_abs() const;  // greatest difference

  double signal() const { return signal_; }  // sums of squares: of the reference, of the difference
  double noise() const { return noise_; }
  uint64_t values() const { return count_; }
  bool exact() const { return count_ > 0 && noise_ == 0.0 && not_finite_ == 0; }
  uint64_t not_finite() const { return not_finite_; }

 private:
  uint64_t count_ = 0, not_finite_ = 0;
  double signal_ = 0.0, noise_ = 0.0;   // sums of squares: reference, difference
  double other_ = 0.0, product_ = 0.0;  // sums: other^2, reference * other
  double max_abs_ = 0.0;
};

// Within +-kMostDecibels.
double limited_decibels(double signal, double noise);

}  // namespace nibble::report
