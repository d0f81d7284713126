#include "converter/report/task_scores.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"

namespace nibble::report {
namespace {

Status check_same_size(const RealTensor& reference, const RealTensor& other) {
  if (reference.values.size() == other.values.size() && !reference.values.empty()) return {};
  return Error{Code::invalid_argument, format("output '%s' has %zu values in the reference and %zu in the .nbl file",
                                              reference.name.c_str(), reference.values.size(), other.values.size())};
}

size_t row_length(const RealTensor& tensor) {
  const size_t rank = tensor.shape.size();
  const size_t last = rank == 2 || rank == 3 ? static_cast<size_t>(tensor.shape.back()) : 0;
  return last > 1 ? last : tensor.values.size();
}

bool in_top(std::span<const float> values, size_t k, int label) {
  const std::vector<size_t> best = media::top_k(values, k);
  return std::any_of(best.begin(), best.end(), [&](size_t i) { return static_cast<int64_t>(i) == label; });
}

bool holds_integers(const RealTensor& tensor) {
  return !tensor.quantized && tensor.type != DType::f32 && tensor.type != DType::f16;
}

// Whether the first class is the true one.
bool judge(ClassScores::Accuracy& accuracy, const RealTensor& output, int label) {
  if (output.values.size() == 1) {
    const bool right = decision(output.values, holds_integers(output)) == label;
    accuracy.top1.add(right);
    return right;
  }
  const bool right = in_top(output.values, 1, label);
  accuracy.top1.add(right);
  accuracy.top5.add(in_top(output.values, 5, label));
  return right;
}

std::vector<media::OutputView> views(const std::vector<RealTensor>& outputs) {
  std::vector<media::OutputView> out;
  for (const RealTensor& output : outputs) out.push_back({output.shape, output.values});
  return out;
}

bool outside_unit(const std::vector<float>& values) {
  return std::any_of(values.begin(), values.end(), [](float v) { return v < 0.0f || v > 1.0f; });
}

}  // namespace

int64_t decision(std::span<const float> row, bool integers) {
  if (row.size() == 1) return integers ? std::lround(row[0]) : (row[0] > 0.5f ? 1 : 0);
  const std::vector<size_t> best = media::top_k(row, 1);
  return best.empty() ? 0 : static_cast<int64_t>(best[0]);
}

Status ClassScores::add(const RealTensor& reference, const RealTensor& other, std::optional<int> label) {
  NBL_CHECK(check_same_size(reference, other));
  ++samples_;
  const size_t length = row_length(reference), rows = reference.values.size() / length;
  for (size_t r = 0; r < rows; ++r) {
    const auto row = [&](const RealTensor& t) {
      return decision(std::span(t.values).subspan(r * length, length), holds_integers(t));
    };
    agreement_.add(row(reference) == row(other));
  }
  if (!label || rows != 1) return {};
  const bool before = judge(reference_, reference, *label), after = judge(other_, other, *label);
  lost_ += before && !after ? 1 : 0;
  gained_ += after && !before ? 1 : 0;
  return {};
}

std::optional<PairedDrop> ClassScores::top1_drop() const {
  if (other_.top1.total == 0) return std::nullopt;
  return paired_drop(lost_, gained_, other_.top1.total);
}

Status BoxScores::add(const std::vector<RealTensor>& reference, const std::vector<RealTensor>& other,
                      media::Size input) {
  NBL_TRY(const std::vector<media::Box> expected, media::detect(detection_, views(reference), input));
  NBL_TRY(const std::vector<media::Box> found, media::detect(detection_, views(other), input));
  matched_ += media::matched_boxes(expected, found, 0.5);
  boxes_reference_ += expected.size();
  boxes_ += found.size();
  return {};
}

Status BoxScores::add_truth(const std::vector<RealTensor>& reference, const std::vector<RealTensor>& other,
                            media::Size input, const media::PixelMap& map, const std::vector<media::TrueBox>& truth) {
  media::Detection everything = detection_;
  everything.score = media::kScoreForAveragePrecision;
  const auto detected = [&](const std::vector<RealTensor>& outputs) -> Result<media::DetectedPicture> {
    NBL_TRY(std::vector<media::Box> boxes, media::detect(everything, views(outputs), input));
    boxes.resize(std::min(boxes.size(), kMostBoxes));
    return media::DetectedPicture{media::in_source_pixels(std::move(boxes), map), truth};
  };
  NBL_TRY(media::DetectedPicture expected, detected(reference));
  NBL_TRY(media::DetectedPicture found, detected(other));
  truth_reference_.push_back(std::move(expected));
  truth_other_.push_back(std::move(found));
  return {};
}

std::optional<double> BoxScores::matched_share() const {
  if (boxes_reference_ == 0) return std::nullopt;
  return static_cast<double>(matched_) / static_cast<double>(boxes_reference_);
}

std::optional<double> BoxScores::average(const std::vector<media::DetectedPicture>& pictures) {
  const auto has_truth = [](const media::DetectedPicture& p) { return !p.truth.empty(); };
  if (std::none_of(pictures.begin(), pictures.end(), has_truth)) return std::nullopt;
  return media::average_precision(pictures, 0.5).mean;
}

Status MaskScores::add(const RealTensor& reference, const RealTensor& other, media::Layout layout) {
  NBL_CHECK(check_same_size(reference, other));
  const float threshold = outside_unit(reference.values) ? 0.0f : 0.5f;
  NBL_TRY(const std::vector<int> expected, media::class_mask(reference.values, reference.shape, layout, threshold));
  NBL_TRY(const std::vector<int> found, media::class_mask(other.values, other.shape, layout, threshold));
  NBL_CHECK(overlap_.add(expected, found));
  uint64_t common = 0, either = 0, same = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool equal = expected[i] == found[i];
    same += equal ? 1 : 0;
    either += expected[i] > 0 || found[i] > 0 ? 1 : 0;
    common += equal && expected[i] > 0 ? 1 : 0;
  }
  pixels_.hits += same;
  pixels_.total += expected.size();
  sum_ += either > 0 ? static_cast<double>(common) / static_cast<double>(either) : 1.0;
  ++pictures_;
  return {};
}

std::optional<double> MaskScores::iou() const {
  if (pictures_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(pictures_);
}

std::optional<double> MaskScores::class_iou() const {
  if (pictures_ == 0) return std::nullopt;
  return overlap_.mean_iou();
}

Status PictureScores::add(const RealTensor& reference, const RealTensor& other,
                          const media::Preprocessing& preprocessing) {
  NBL_CHECK(check_same_size(reference, other));
  const auto pixels = [&](const RealTensor& tensor) {
    std::vector<float> out(tensor.values.size());
    std::transform(tensor.values.begin(), tensor.values.end(), out.begin(), [&](float v) {
      const double pixel = v * preprocessing.output_scale + preprocessing.output_offset;
      return std::isnan(pixel) ? 0.0f : static_cast<float>(std::clamp(pixel, 0.0, 255.0));
    });
    return out;
  };
  const double psnr = std::min(kMostPsnr, media::psnr_db(pixels(reference), pixels(other), 255.0));
  sum_ += psnr;
  least_ = std::min(least_, psnr);
  ++pictures_;
  return {};
}

std::optional<double> PictureScores::psnr_db() const {
  if (pictures_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(pictures_);
}

std::optional<double> PictureScores::least_psnr_db() const {
  if (pictures_ == 0) return std::nullopt;
  return least_;
}

}  // namespace nibble::report
