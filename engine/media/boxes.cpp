#include "media/boxes.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "core/text.h"
#include "core/try.h"
#include "media/label_file.h"

namespace nibble::media {
namespace {

double area(const Box& box) {
  return std::max(0.0, static_cast<double>(box.x2) - box.x1) * std::max(0.0, static_cast<double>(box.y2) - box.y1);
}

double common_area(const Box& a, const Box& b) {
  return area({std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2), 0, 0});
}

std::vector<Box> by_falling_score(std::span<const Box> boxes) {
  std::vector<Box> sorted(boxes.begin(), boxes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
  return sorted;
}

// One line of boxes.tsv; the number of the first column that is wrong, or 0.
size_t parse_columns(const std::vector<std::string>& columns, TrueBox& out) {
  if (columns.size() < 7) return columns.size() + 1;
  const auto label = whole_number(columns[1]);
  if (!label || *label < 0 || *label > std::numeric_limits<int>::max()) return 2;
  out.box.label = static_cast<int>(*label);
  float* corners[] = {&out.box.x1, &out.box.y1, &out.box.x2, &out.box.y2};
  for (size_t i = 0; i < 4; ++i) {
    const auto number = real_number(columns[3 + i]);
    if (!number) return 4 + i;
    *corners[i] = static_cast<float>(*number);
  }
  out.crowd = columns.size() > 7 && columns[7] == "1";
  if (columns.size() > 7 && columns[7] != "0" && columns[7] != "1") return 8;
  return 0;
}

}  // namespace

double box_iou(const Box& a, const Box& b) {
  const double common = common_area(a, b), both = area(a) + area(b) - common;
  return both > 0.0 ? common / both : 0.0;
}

std::vector<Box> suppress_overlaps(std::vector<Box> boxes, double iou) {
  boxes = by_falling_score(boxes);
  boxes.resize(std::min(boxes.size(), kMaxSuppressed));
  std::vector<Box> kept;
  std::map<int, std::vector<Box>> kept_of_class;
  for (const Box& box : boxes) {
    std::vector<Box>& same_class = kept_of_class[box.label];
    const auto covers = [&](const Box& other) { return box_iou(other, box) > iou; };
    if (std::any_of(same_class.begin(), same_class.end(), covers)) continue;
    same_class.push_back(box);
    kept.push_back(box);
  }
  return kept;
}

std::vector<Box> in_source_pixels(std::vector<Box> boxes, const PixelMap& map) {
  for (Box& box : boxes) {
    box.x1 = static_cast<float>((box.x1 - map.offset_x) / map.scale_x);
    box.x2 = static_cast<float>((box.x2 - map.offset_x) / map.scale_x);
    box.y1 = static_cast<float>((box.y1 - map.offset_y) / map.scale_y);
    box.y2 = static_cast<float>((box.y2 - map.offset_y) / map.scale_y);
  }
  return boxes;
}

size_t matched_boxes(std::span<const Box> reference, std::span<const Box> other, double iou) {
  std::vector<bool> used(other.size(), false);
  size_t matched = 0;
  for (const Box& box : by_falling_score(reference)) {
    size_t best = other.size();
    double best_iou = 0.0;
    for (size_t i = 0; i < other.size(); ++i) {
      if (used[i] || other[i].label != box.label) continue;
      const double overlap = box_iou(box, other[i]);
      if (overlap >= iou && overlap > best_iou) {
        best = i;
        best_iou = overlap;
      }
    }
    if (best == other.size()) continue;
    used[best] = true;
    ++matched;
  }
  return matched;
}

Result<TrueBoxes> read_boxes_tsv(const std::string& path) {
  NBL_TRY(const std::vector<std::string> lines, read_lines(path));
  TrueBoxes out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i][0] == '#') continue;
    const std::vector<std::string> columns = split_tabs(lines[i]);
    TrueBox box;
    if (const size_t wrong = parse_columns(columns, box)) {
      return Error{
          Code::invalid_argument,
          format("%s: line %zu: column %zu is wrong; file, class index, class, x1, y1, x2, y2, crowd (0 or 1) are "
                 "expected, parted by tabs",
                 path.c_str(), i + 1, wrong)};
    }
    out[columns[0]].push_back(box);
  }
  if (out.empty()) return Error{Code::not_found, format("%s: has no boxes", path.c_str())};
  return out;
}

const std::vector<TrueBox>* find_true_boxes(const TrueBoxes& boxes, const std::string& picture) {
  if (const auto found = boxes.find(picture); found != boxes.end()) return &found->second;
  const auto name = std::filesystem::path(picture).filename();
  const std::vector<TrueBox>* only = nullptr;
  for (const auto& [path, list] : boxes) {
    if (std::filesystem::path(path).filename() != name) continue;
    if (only) return nullptr;
    only = &list;
  }
  return only;
}

namespace {

struct Candidate {
  Box box;
  size_t picture;
};

// Detections of one class over all pictures, by falling score.
std::vector<Candidate> candidates_of(std::span<const DetectedPicture> pictures, int label) {
  std::vector<Candidate> out;
  for (size_t p = 0; p < pictures.size(); ++p) {
    for (const Box& box : pictures[p].found) {
      if (box.label == label) out.push_back({box, p});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Candidate& a, const Candidate& b) { return a.box.score > b.box.score; });
  return out;
}

// Whether a detection is right; the true box is taken then.
bool takes_a_true_box(const Box& box, const std::vector<TrueBox>& truth, std::vector<bool>& taken, double iou) {
  size_t best = truth.size();
  double best_iou = iou;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i].box.label != box.label || truth[i].crowd || taken[i]) continue;
    const double overlap = box_iou(box, truth[i].box);
    if (overlap >= best_iou) {
      best = i;
      best_iou = overlap;
    }
  }
  if (best == truth.size()) return false;
  taken[best] = true;
  return true;
}

double area_under_envelope(const std::vector<double>& recall, std::vector<double> precision) {
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0.0, before = 0.0;
  for (size_t i = 0; i < recall.size(); ++i) {
    sum += (recall[i] - before) * precision[i];
    before = recall[i];
  }
  return sum;
}

double precision_of_class(std::span<const DetectedPicture> pictures, int label, size_t true_boxes, double iou) {
  std::vector<std::vector<bool>> taken;
  for (const DetectedPicture& picture : pictures) taken.emplace_back(picture.truth.size(), false);
  std::vector<double> recall, precision;
  size_t right = 0, judged = 0;
  for (const Candidate& candidate : candidates_of(pictures, label)) {
    ++judged;
    right += takes_a_true_box(candidate.box, pictures[candidate.picture].truth, taken[candidate.picture], iou) ? 1 : 0;
    recall.push_back(static_cast<double>(right) / static_cast<double>(true_boxes));
    precision.push_back(static_cast<double>(right) / static_cast<double>(judged));
  }
  return area_under_envelope(recall, std::move(precision));
}

}  // namespace

AveragePrecision average_precision(std::span<const DetectedPicture> pictures, double iou) {
  std::map<int, size_t> true_boxes;
  for (const DetectedPicture& picture : pictures) {
    for (const TrueBox& truth : picture.truth) {
      if (!truth.crowd) ++true_boxes[truth.box.label];
    }
  }
  AveragePrecision out;
  for (const auto& [label, count] : true_boxes) {
    out.by_class[label] = precision_of_class(pictures, label, count, iou);
    out.mean += out.by_class[label] / static_cast<double>(true_boxes.size());
  }
  return out;
}

}  // namespace nibble::media
