// Boxes in pictures: suppression, agreement of two detectors, average precision.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "media/preprocess.h"
#include "nibble/result.h"

namespace nibble::media {

// Corners in pixels; x1 <= x2 and y1 <= y2.
struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  float score = 0;
  int label = 0;
};

// Intersection over union of the areas; 0 where both are empty.
double box_iou(const Box& a, const Box& b);

// Greedy suppression per class: by falling score (the earlier one on a tie), a box goes where it overlaps a kept one of
// its class by more than `iou`. The result is sorted by falling score. Of more than kMaxSuppressed boxes the best are
// looked at: the work grows with the square, and a broken network can call every cell a box.
inline constexpr size_t kMaxSuppressed = 20000;
std::vector<Box> suppress_overlaps(std::vector<Box> boxes, double iou);

// From the network's input to the picture's own pixels.
std::vector<Box> in_source_pixels(std::vector<Box> boxes, const PixelMap& map);

// How many boxes of `reference` find one of their class in `other` with an overlap of at least `iou` (0.5 is usual),
// each used once; taken by falling score of the reference, the best overlap first.
size_t matched_boxes(std::span<const Box> reference, std::span<const Box> other, double iou);

struct TrueBox {
  Box box;
  bool crowd = false;
};

// The true boxes of a set of pictures, by picture name as written in the file.
using TrueBoxes = std::map<std::string, std::vector<TrueBox>>;

// file<TAB>class index<TAB>class name<TAB>x1<TAB>y1<TAB>x2<TAB>y2[<TAB>crowd 0|1], pixels; '#' begins a comment line.
Result<TrueBoxes> read_boxes_tsv(const std::string& path);

// The true boxes of a picture: by the name as given, else by file name where only one entry ends so. Null if there are
// none.
const std::vector<TrueBox>* find_true_boxes(const TrueBoxes& boxes, const std::string& picture);

struct DetectedPicture {
  std::vector<Box> found;  // behind suppression, with a low score threshold (0.01)
  std::vector<TrueBox> truth;
};

struct AveragePrecision {
  double mean = 0.0;  // over the classes that have a true box
  std::map<int, double> by_class;
};

// Area under the precision envelope over recall at every detection (all-point interpolation), a detection being right
// where it overlaps a true box of its class by at least `iou` that no better-scored one took. Crowd boxes are left out:
// what is found in one counts as wrong.
AveragePrecision average_precision(std::span<const DetectedPicture> pictures, double iou);

}  // namespace nibble::media
