#include "runtime/hazards.h"

namespace nibble {
namespace {

// Steps without hazards between them are looked at pairwise; a barrier after this many touches keeps that linear.
constexpr size_t kMostPending = 256;

bool conflict(const Touch& a, const Touch& b) {
  return (a.write || b.write) && a.memory == b.memory && a.begin < b.end && b.begin < a.end;
}

bool must_wait(std::span<const Touch> pending, std::span<const Touch> step) {
  for (const Touch& before : pending) {
    for (const Touch& now : step) {
      if (conflict(before, now)) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<uint8_t> find_barriers(std::span<const std::vector<Touch>> steps) {
  std::vector<uint8_t> barriers(steps.size(), 0);
  std::vector<Touch> pending;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (pending.size() > kMostPending || must_wait(pending, steps[i])) {
      barriers[i] = 1;
      pending.clear();
    }
    pending.insert(pending.end(), steps[i].begin(), steps[i].end());
  }
  return barriers;
}

}  // namespace nibble
