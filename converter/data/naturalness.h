// Whether pictures offered as calibration samples have the statistics of anything in the world, or are random noise.
//
// Neighbours in natural pictures are alike at every scale (power falls as 1/f^2: D. J. Field, J. Opt. Soc. Am. A 4,
// 1987), so the means of large blocks vary nearly as much as single values do. In noise they average out: the variance
// of the means of n independent values is 1/n of theirs. Networks calibrated on noise get ranges that pictures never
// fill (ZeroQ, Cai et al., CVPR 2020, table 5: MobileNetV2 in 8 bits falls from 73 to 63 %).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nibble {

// Median over samples below this: noise. Measured: six sets of photographs and digits have medians of 0.46 to 0.67,
// single pictures 0.07 to 0.9; noise of any size, also enlarged to seven times its own, at most 0.07.
inline constexpr double kNoiseShare = 0.15;

// Variance of the means of about 6 x 6 equal blocks of each plane, as a share of the variance of all values, averaged
// over planes and corrected so that independent values give 0 on average. `shape` is a batch of pictures, [N, C, H, W]
// or [N, H, W, C], or [N, H, W]; nothing where it is not or has more than 4 channels, where a side is below 12, or
// where all values are the same.
std::optional<double> coarse_share(std::span<const float> values, const std::vector<int64_t>& shape);

// The middle value; nothing of nothing.
std::optional<double> median(std::vector<double> values);

}  // namespace nibble
