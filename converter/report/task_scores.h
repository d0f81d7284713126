// Figures that a task knows: classes, boxes, masks, pictures. Each is added up sample by sample.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "converter/report/real_tensor.h"
#include "converter/report/statistics.h"
#include "media/boxes.h"
#include "media/detection.h"
#include "media/metrics.h"
#include "media/preprocess.h"

namespace nibble::report {

// Decisions of the first output: the greatest of each row of a tensor of rank 2 or 3 (one row a sample for a
// classifier), of all values otherwise. A single number is a decision by itself: rounded where it is an integer, else
// whether it is above 0.5.
class ClassScores {
 public:
  // `label`: the true class as an index of the network's classes.
  Status add(const RealTensor& reference, const RealTensor& other, std::optional<int> label);

  const Share& agreement() const { return agreement_; }
  bool one_decision_a_sample() const { return agreement_.total == samples_; }
  struct Accuracy {
    Share top1, top5;
  };
  // Without a trial where there were no labels, or several decisions a sample.
  const Accuracy& reference() const { return reference_; }
  const Accuracy& other() const { return other_; }
  // Of top-1, on the same samples; nothing without labels.
  std::optional<PairedDrop> top1_drop() const;

 private:
  uint64_t samples_ = 0;
  uint64_t lost_ = 0, gained_ = 0;  // samples that only the reference, only the other network names rightly
  Share agreement_;
  Accuracy reference_, other_;
};

// The index of the greatest value, the lower one on a tie, NaN behind everything; see ClassScores for single numbers.
int64_t decision(std::span<const float> row, bool integers);

class BoxScores {
 public:
  explicit BoxScores(media::Detection detection) : detection_(std::move(detection)) {}
  // `input`: the size of the network's input. Outputs that do not fit the decoder are an error.
  Status add(const std::vector<RealTensor>& reference, const std::vector<RealTensor>& other, media::Size input);
  // For average precision as well: where a picture's pixels lie in the network's input, and its true boxes.
  Status add_truth(const std::vector<RealTensor>& reference, const std::vector<RealTensor>& other, media::Size input,
                   const media::PixelMap& map, const std::vector<media::TrueBox>& truth);

  // Of the reference's boxes those with an overlap of 0.5 or more with one of the same class.
  std::optional<double> matched_share() const;
  uint64_t matched() const { return matched_; }
  uint64_t boxes_reference() const { return boxes_reference_; }
  uint64_t boxes() const { return boxes_; }
  // At an overlap of 0.5; nothing without true boxes.
  std::optional<double> ap50_reference() const { return average(truth_reference_); }
  std::optional<double> ap50() const { return average(truth_other_); }

 private:
  // More boxes in a picture than this do not count for average precision (as usual, by falling score).
  static constexpr size_t kMostBoxes = 300;
  static std::optional<double> average(const std::vector<media::DetectedPicture>& pictures);

  media::Detection detection_;
  uint64_t matched_ = 0, boxes_reference_ = 0, boxes_ = 0;
  std::vector<media::DetectedPicture> truth_reference_, truth_other_;
};

class MaskScores {
 public:
  // The first outputs: score maps [1, C, H, W] or [1, H, W, C]; with one channel the foreground is above 0.5 (above 0
  // where the reference has values outside 0..1: scores before a sigmoid).
  Status add(const RealTensor& reference, const RealTensor& other, media::Layout layout);

  // Mean over pictures of common / either pixels, where common ones have the same class other than 0 and either ones
  // have such a class in one of the masks; a picture without any counts as 1.
  std::optional<double> iou() const;
  std::optional<double> class_iou() const;         // mean over the classes of all pictures, background included
  const Share& pixels() const { return pixels_; }  // those with the same class

 private:
  double sum_ = 0.0;
  uint64_t pictures_ = 0;
  Share pixels_;
  media::MaskOverlap overlap_;
};

class PictureScores {
 public:
  // The first outputs as values; pixel = value * output_scale + output_offset, clamped to 0..255 but not rounded.
  Status add(const RealTensor& reference, const RealTensor& other, const media::Preprocessing& preprocessing);

  // Equal pictures count as this.
  static constexpr double kMostPsnr = 100.0;
  std::optional<double> psnr_db() const;  // mean over pictures
  std::optional<double> least_psnr_db() const;

 private:
  double sum_ = 0.0, least_ = kMostPsnr;
  uint64_t pictures_ = 0;
};

}  // namespace nibble::report
