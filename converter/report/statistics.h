// Shares with their uncertainty, and run times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nibble::report {

struct Interval {
  double low = 0.0, high = 1.0;
};

// The score interval of a share of `hits` in `total` trials with 95 % confidence (E. B. Wilson, JASA 22, 1927).
Interval wilson_interval(uint64_t hits, uint64_t total);

// What is lost from one share of `total` trials to another of the same trials, from those alone that differ, with 95 %
// confidence: half a trial is added to each of the four outcomes, so that a few differences tell little (Agresti and
// Min, Statistics in Medicine 24, 2005). 0..1; below 0 where more is gained.
struct PairedDrop {
  double drop = 0.0;
  Interval interval;
};
PairedDrop paired_drop(uint64_t lost, uint64_t gained, uint64_t total);

// hits / total, nothing without trials.
struct Share {
  uint64_t hits = 0, total = 0;
  void add(bool hit) {
    ++total;
    hits += hit ? 1 : 0;
  }
  std::optional<double> value() const;
};

// The last kKept run times. A run right after sizes were bound also warms caches, and counts only where there is no
// other.
class RunTimes {
 public:
  static constexpr size_t kKept = 4096;
  void add(double seconds, bool first);
  std::optional<double> median_ms() const;

 private:
  std::vector<double> first_, later_;
  size_t next_ = 0;
};

}  // namespace nibble::report
