#include "runtime/image_table.h"

#include <algorithm>

#include "core/resample_taps.h"
#include "kernels/step_parts.h"

namespace nibble {

TableTaps append_taps(std::vector<uint32_t>& table, int in, int out, bool cubic) {
  const ResampleTable made = resample_table(in, out, cubic);
  TableTaps at;
  at.taps = static_cast<uint32_t>(table.size());
  for (const ResampleTaps& taps : made.taps) {
    table.push_back(static_cast<uint32_t>(taps.first));
    table.push_back(static_cast<uint32_t>(taps.count));
    at.stride = std::max(at.stride, static_cast<uint32_t>(taps.count));
  }
  at.weights = static_cast<uint32_t>(table.size());
  table.resize(table.size() + made.taps.size() * at.stride);
  for (size_t i = 0; i < made.taps.size(); ++i) {
    const auto first = made.weights.begin() + static_cast<std::ptrdiff_t>(made.taps[i].weights);
    std::transform(first, first + made.taps[i].count,
                   table.begin() + static_cast<std::ptrdiff_t>(at.weights + i * at.stride),
                   [](int32_t weight) { return static_cast<uint32_t>(weight); });
  }
  return at;
}

uint32_t append_neighbours(std::vector<uint32_t>& table, int in, int out) {
  const auto at = static_cast<uint32_t>(table.size());
  for (const ResampleNeighbours& n : resample_neighbours(in, out)) {
    table.push_back(static_cast<uint32_t>(n.first));
    table.push_back(static_cast<uint32_t>(n.second));
    table.push_back(float_bits(static_cast<float>(n.weight)));
  }
  return at;
}

}  // namespace nibble
