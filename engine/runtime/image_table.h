// Resampling weights as words of a device buffer, in the form that image_rows.comp and image_to_tensor.comp read.
#pragma once

#include <cstdint>
#include <vector>

namespace nibble {

// Where they lie in the table: {first, count} of each output pixel, and `stride` weights of each.
struct TableTaps {
  uint32_t taps = 0, weights = 0, stride = 0;
};
TableTaps append_taps(std::vector<uint32_t>& table, int in, int out, bool cubic);

// {first, second, weight of the second as a float} of each output pixel; where they begin.
uint32_t append_neighbours(std::vector<uint32_t>& table, int in, int out);

}  // namespace nibble
