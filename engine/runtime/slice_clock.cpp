#include "runtime/slice_clock.h"

#include <algorithm>

namespace nibble {
namespace {

// What a part may take beyond what its work suggests, as long as it was not measured.
constexpr double kCaution = 2;
// The least part of a budget for which a part is divided: less than that of each slice stays unused.
constexpr double kWorthDividing = 0.125;

}  // namespace

SliceClock::SliceClock(std::vector<double> work, std::vector<uint32_t> pieces)
    : work_(std::move(work)), pieces_(std::move(pieces)), histories_(work_.size()) {
  pieces_.resize(work_.size(), 1);
}

double SliceClock::expected(size_t part) const {
  if (work_[part] <= 0) return 0;
  if (known(part)) return histories_[part].median;
  return any_known() ? kCaution * work_[part] * known_ns_ / known_work_ : 0;
}

std::vector<SlicePart> parts_between(const SliceClock& clock, SlicePoint first, SlicePoint end) {
  std::vector<SlicePart> parts;
  for (; first.part < clock.parts() && first != end; first = {first.part + 1, 0}) {
    const uint32_t last = first.part == end.part ? end.piece : clock.pieces(first.part);
    parts.push_back({first.part, first.piece, last - first.piece});
    if (first.part == end.part) break;
  }
  return parts;
}

double SliceClock::predict(SlicePoint first, SlicePoint end) const {
  double ns = 0;
  for (const SlicePart& part : parts_between(*this, first, end)) ns += predict_piece(part.part) * part.pieces;
  return ns;
}

SlicePoint SliceClock::fit(SlicePoint first, double budget_ns, Unknown unknown) const {
  double ns = 0;
  bool any = false, guessed = false;  // something that nothing is known of was taken
  while (first.part < parts()) {
    const size_t part = first.part;
    const uint32_t left = pieces_[part] - first.piece;
    uint32_t taken = left;
    if (work_[part] > 0) {
      if (guessed) break;
      guessed = !any_known();
      const double each = predict_piece(part);
      if (guessed) {
        taken = unknown == Unknown::piece ? 1 : left;
      } else if (each * left > budget_ns - ns) {
        const bool worth = !any || each * left > kWorthDividing * budget_ns;
        taken = worth ? static_cast<uint32_t>(std::max((budget_ns - ns) / each, 0.0)) : 0;
      }
      if (!any) taken = std::max(taken, 1u);
      ns += each * taken;
      any = true;
    }
    if (taken < left) return {part, first.piece + taken};
    first = {part + 1, 0};
  }
  return first;
}

void SliceClock::measured(size_t part, uint32_t pieces, double ns) {
  if (work_[part] <= 0 || pieces == 0) return;
  History& history = histories_[part];
  if (history.count == 0) {
    known_work_ += work_[part];
  } else {
    known_ns_ -= history.median;
  }
  history.ns[history.count++ % history.ns.size()] = std::max(ns, 0.0) / pieces * pieces_[part];
  std::array<double, 5> sorted = history.ns;
  const size_t used = std::min(history.count, sorted.size());
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(used));
  history.median = sorted[used / 2];
  known_ns_ += history.median;
}

void SliceClock::measured(SlicePoint first, SlicePoint end, double ns) {
  const std::vector<SlicePart> parts = parts_between(*this, first, end);
  const auto work_of = [&](const SlicePart& part) { return work_[part.part] * part.pieces / pieces_[part.part]; };
  const double whole = predict(first, end);
  double work = 0;
  for (const SlicePart& part : parts) work += work_of(part);
  if (work <= 0) return;
  std::vector<double> shares;  // before any of them changes what the others are expected to take
  for (const SlicePart& part : parts) {
    shares.push_back(whole > 0 ? predict_piece(part.part) * part.pieces / whole : work_of(part) / work);
  }
  for (size_t i = 0; i < parts.size(); ++i) measured(parts[i].part, parts[i].pieces, ns * shares[i]);
}

}  // namespace nibble
