// From a detector's outputs to boxes. The decoder is named in the file's META, as JSON:
//   {"decoder": "yolox", "strides": [8, 16, 32], "score": 0.3, "nms": 0.65}
//   {"decoder": "ultraface", "score": 0.7, "nms": 0.3}
// yolox      (Z. Ge et al., "YOLOX", 2021) one output [1, cells, 5 + classes]: centre, size, objectness, classes of
// each cell
//            of the grids of `strides` (cells = sum of (H / s) (W / s), row by row); centre = (p + cell) * s, size =
//            exp(p) * s, score = objectness * class, both being sigmoids already.
// ultraface  (Linzaer, Ultra-Light-Fast-Generic-Face-Detector) two outputs: [1, n, 2], column 1 being the score, and
//            [1, n, 4], corners in parts of the input's size, 0 to 1.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "media/boxes.h"
#include "media/preprocess.h"
#include "nibble/result.h"

namespace nibble::media {

struct Detection {
  enum class Decoder { yolox, ultraface };
  Decoder decoder = Decoder::yolox;
  std::vector<int> strides{8, 16, 32};  // yolox only
  double score = 0.3;                   // only boxes above it
  double nms = 0.65;                    // overlap above which the lesser box of a class goes
  bool operator==(const Detection&) const = default;
};

Result<Detection> parse_detection(std::string_view json);
std::string to_json(const Detection& detection);

// What average precision wants to see: everything that might be a box.
inline constexpr double kScoreForAveragePrecision = 0.01;

struct OutputView {
  std::vector<int64_t> shape;
  std::span<const float> values;
};

// Boxes above `detection.score` behind suppression, by falling score, in pixels of the network's input (see
// in_source_pixels). `input` is the size of the network's input. Values that are not finite make no box. Errors:
// outputs that are not the decoder's.
Result<std::vector<Box>> detect(const Detection& detection, std::span<const OutputView> outputs, Size input);

}  // namespace nibble::media
