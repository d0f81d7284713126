// How much of a time limit is left.
#pragma once

#include <chrono>

namespace nibble {

class TuneClock {
 public:
  using Clock = std::chrono::steady_clock;
  explicit TuneClock(std::chrono::duration<double> limit) : start_(Clock::now()), limit_(limit) {}

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double left() const { return limit_.count() - seconds(); }
  bool over() const { return left() <= 0; }
  // A clock that began now and ends with this one or earlier.
  TuneClock part(double seconds) const {
    return TuneClock(std::chrono::duration<double>(seconds < left() ? seconds : left()));
  }

 private:
  Clock::time_point start_;
  std::chrono::duration<double> limit_;
};

}  // namespace nibble
