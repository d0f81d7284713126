// What each part of a run takes, and how many parts fit into a budget. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nibble {

class SliceClock {
 public:
  // `work` of each part, in any unit: what is not measured yet is judged by it, on the side of caution. 0: takes no
  // time.
  explicit SliceClock(std::vector<double> work);

  size_t parts() const { return work_.size(); }
  // Whether the part, or any, was measured.
  bool known(size_t part) const { return histories_[part].count > 0; }
  bool any_known() const { return known_work_ > 0; }

  // Nanoseconds of `count` parts from `first` on; 0 where nothing is known.
  double predict(size_t first, size_t count) const;
  // How many parts from `first` on fit, at least one. While nothing is known that is one and what takes no time.
  size_t fit(size_t first, double budget_ns) const;

  void measured(size_t part, double ns);
  // Parts that were measured together: shared out by what they were expected to take.
  void measured(size_t first, size_t count, double ns);

 private:
  // The median of the last measurements: one that was disturbed does not count.
  struct History {
    std::array<double, 5> ns{};
    size_t count = 0;
    double median = 0;
  };
  double expected(size_t part) const;

  std::vector<double> work_;
  std::vector<History> histories_;
  double known_work_ = 0, known_ns_ = 0;  // of the parts that were measured
};

}  // namespace nibble
