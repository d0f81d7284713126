// Weights for scaling pictures along one axis: what the resampling of engine/media and of the image kernels share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nibble {

// Input pixels that make an output pixel: `count` from `first` on, their weights at `weights` of the table.
struct ResampleTaps {
  int first;
  int count;
  size_t weights;
};

// Fixed point with kResamplePrecision bits behind the point. PIL works with 22: 8 for the pixel and 2 for what a kernel
// with negative lobes overshoots fill up an int32.
inline constexpr int kResamplePrecision = 32 - 8 - 2;
struct ResampleTable {
  std::vector<ResampleTaps> taps;
  std::vector<int32_t> weights;
};

// Pixel centres lie at half-integers; the kernel is as wide as the distance of output pixels when scaling down, so that
// no input pixel is skipped. `in` and `out` pixels from 1 on; triangle kernel, or Keys' cubic with a = -0.5.
ResampleTable resample_table(int in, int out, bool cubic);

// The two neighbours of an output pixel and the weight of the second, whatever the scale.
struct ResampleNeighbours {
  int first, second;
  double weight;
};
std::vector<ResampleNeighbours> resample_neighbours(int in, int out);

}  // namespace nibble
