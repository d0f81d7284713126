// What each part of a run takes, and how much of it fits into a budget. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nibble {

// A place between the parts of a run, or within a part that is divided into pieces.
struct SlicePoint {
  size_t part = 0;
  uint32_t piece = 0;  // less than the part has
  bool operator==(const SlicePoint&) const = default;
};

class SliceClock {
 public:
  // `work` of each part, in any unit: what is not measured yet is judged by it, on the side of caution. 0: takes no
  // time. `pieces`: how many each part can be divided into, of about the same size: whole workgroups, so that one may
  // be twice another; empty: none can.
  explicit SliceClock(std::vector<double> work, std::vector<uint32_t> pieces = {});

  size_t parts() const { return work_.size(); }
  uint32_t pieces(size_t part) const { return pieces_[part]; }
  // Whether the part, or any, was measured.
  bool known(size_t part) const { return histories_[part].count > 0; }
  bool any_known() const { return known_work_ > 0; }

  // Nanoseconds between two points; 0 where nothing is known.
  double predict(SlicePoint first, SlicePoint end) const;
  // Those of a piece that is not divided further.
  double predict_piece(size_t part) const { return expected(part) / pieces_[part]; }
  // What is taken while nothing is known: a piece, or, where nothing will ever be measured, the whole part, so that a
  // run does not take as many slices as there are pieces.
  enum class Unknown { piece, part };
  // Up to where it fits, at least a piece. While nothing is known that is what `unknown` says and what takes no time. A
  // part is divided only where that is worth another dispatch.
  SlicePoint fit(SlicePoint first, double budget_ns, Unknown unknown = Unknown::piece) const;

  void measured(size_t part, uint32_t pieces, double ns);
  // What was measured together: shared out by what it was expected to take.
  void measured(SlicePoint first, SlicePoint end, double ns);

 private:
  // The median of the last measurements, for the whole part: one that was disturbed does not count.
  struct History {
    std::array<double, 5> ns{};
    size_t count = 0;
    double median = 0;
  };
  double expected(size_t part) const;

  std::vector<double> work_;
  std::vector<uint32_t> pieces_;
  std::vector<History> histories_;
  double known_work_ = 0, known_ns_ = 0;  // of the parts that were measured
};

// What lies between two points, part by part.
struct SlicePart {
  size_t part = 0;
  uint32_t first = 0, pieces = 0;
};
std::vector<SlicePart> parts_between(const SliceClock& clock, SlicePoint first, SlicePoint end);

}  // namespace nibble
