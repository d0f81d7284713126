// Figures by which two results are compared.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/preprocess.h"
#include "nibble/result.h"

namespace nibble::media {

// The indices of the k greatest values, greatest first; the lower index on a tie, NaN behind everything. Fewer than k
// where there are fewer values.
std::vector<size_t> top_k(std::span<const float> values, size_t k);

// exp(v) / sum of exp(v), computed in double against the greatest value, so that nothing overflows.
std::vector<float> softmax(std::span<const float> values);

// Whether the values are probabilities already: none below 0 and a sum of 1 (to a thousandth; int8 networks round).
bool is_distribution(std::span<const float> values);

// The class of each pixel of a score map [N, C, H, W] or [N, H, W, C] (N = 1, may be missing): the channel with the
// greatest value, the lower one on a tie. With one channel: 1 where the value is above `threshold`, else 0.
Result<std::vector<int>> class_mask(std::span<const float> values, std::span<const int64_t> shape, Layout layout,
                                    float threshold);

// Intersections and unions of class masks, added up over pictures.
class MaskOverlap {
 public:
  // Both masks have the same length and no negative values; classes from `kMaxClasses` on are counted as the last one.
  Status add(std::span<const int> reference, std::span<const int> other);

  double iou(int label) const;  // 1 where neither mask has the class
  double mean_iou() const;      // over the classes that one of the masks has; 1 where nothing was added

  static constexpr int kMaxClasses = 1 << 16;

 private:
  std::vector<uint64_t> common_, either_;
};

// One pair of masks. For masks of 0 and 1 (a thresholded foreground) it is the IoU of 1, else the mean over the
// classes.
Result<double> mean_iou(std::span<const int> reference, std::span<const int> other, int classes);

// 10 log10(peak^2 / mean squared difference): infinite where nothing differs, NaN where lengths differ or are 0.
double psnr_db(std::span<const float> reference, std::span<const float> other, double peak);
double psnr_db(const Image& reference, const Image& other);  // peak 255

// 10 log10(sum of squares of the reference / sum of squared differences); the same special values.
double sqnr_db(std::span<const float> reference, std::span<const float> other);

}  // namespace nibble::media
