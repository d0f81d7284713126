#include "runtime/step_pieces.h"

#include <algorithm>

namespace nibble {
namespace {

// Enough for a slice of a hundredth of a step; each costs a number and, where a slice ends, a dispatch.
constexpr uint64_t kMostPieces = 256;
// linear_groups() folds what passes this into rows, which a kernel counts by how many columns its dispatch has
// (gl_NumWorkGroups): only whole rows are recorded of those.
constexpr uint32_t kFolded = 65535 / 2;

// Workgroups that stay together.
uint64_t unit_of(const Step& step) {
  const auto& groups = step.groups;
  return groups[0] > kFolded && groups[1] > 1 ? groups[0] : 1;
}

uint64_t units_of(const Step& step) {
  return uint64_t{step.groups[0]} * step.groups[1] * step.groups[2] / unit_of(step);
}

uint32_t narrow(uint64_t value) { return static_cast<uint32_t>(value); }

}  // namespace

uint32_t most_pieces(const Step& step) { return narrow(std::clamp<uint64_t>(units_of(step), 1, kMostPieces)); }

std::vector<GroupBox> boxes_of(const Step& step, const StepPieces& pieces) {
  const uint64_t columns = step.groups[0], slab = columns * step.groups[1];
  const uint64_t units = units_of(step), unit = unit_of(step);
  uint64_t at = units * pieces.first / pieces.of * unit;
  const uint64_t end = units * (pieces.first + pieces.count) / pieces.of * unit;
  std::vector<GroupBox> boxes;
  while (at < end) {
    const uint64_t x = at % columns, y = at % slab / columns, z = at / slab;
    GroupBox box{{narrow(x), narrow(y), narrow(z)}, {1, 1, 1}};
    if (x > 0 || end - at < columns) {
      box.count[0] = narrow(std::min(columns - x, end - at));
    } else if (y > 0 || end - at < slab) {
      box.count = {narrow(columns), narrow(std::min(step.groups[1] - y, (end - at) / columns)), 1};
    } else {
      box.count = {narrow(columns), step.groups[1], narrow((end - at) / slab)};
    }
    boxes.push_back(box);
    at += uint64_t{box.count[0]} * box.count[1] * box.count[2];
  }
  return boxes;
}

}  // namespace nibble
