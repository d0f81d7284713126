// The outcome of comparing two networks, and how it is told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/report/error_sums.h"
#include "converter/report/layer_errors.h"
#include "converter/report/statistics.h"
#include "converter/report/task.h"
#include "converter/report/task_scores.h"

namespace nibble::report {

struct OutputError {
  std::string name;
  ErrorSums sums;
};

struct NetworkFacts {
  std::string path;
  std::string runs_on;  // a device's name, or "cpu"
  uint64_t file_bytes = 0;
  uint64_t weight_bytes = 0;  // constants of the graph as it runs
  RunTimes times;
};

struct Comparison {
  NetworkFacts reference, stored;
  Task task = Task::values;
  bool task_was_guessed = false;
  size_t samples = 0;
  size_t layer_samples = 0;
  std::vector<OutputError> outputs;
  std::vector<LayerError> layers;
  ClassScores classes;
  std::optional<BoxScores> boxes;         // with Task::detect
  std::optional<MaskScores> masks;        // with Task::segment
  std::optional<PictureScores> pictures;  // with Task::image
  std::vector<std::string> notes;

  ErrorSums all_outputs() const;
  // Of pixels with Task::segment, of nothing with Task::image, else of the first output's decisions.
  Share agreement() const;
  const char* agreement_of() const;
  // With one decision a sample only; pixels and rows of one sample are not independent.
  std::optional<Interval> agreement_interval() const;
};

// result.json: no NaN, no infinity; what cannot be said is null.
std::string to_json(const Comparison& comparison);

// For people; with at most `worst` layers.
std::string to_text(const Comparison& comparison, size_t worst);

}  // namespace nibble::report
