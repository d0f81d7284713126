// Runs samples through the float network and finds a range for every float tensor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "converter/calibrate/histogram.h"
#include "converter/execute/executor.h"

namespace nibble::calibrate {

// automatic: of the others, the one with the least error in what a tensor's readers compute (output_error.h).
enum class Method { min_max, percentile, mse, entropy, automatic };
Result<Method> parse_method(const std::string& text);  // "minmax", "percentile", "mse", "entropy", "auto"
const char* to_string(Method method);

struct Options {
  Method method = Method::mse;
  double percent = 99.99;  // for percentile
};

// Collects a histogram per tensor; one pass, memory does not depend on the number of samples.
class Calibrator {
 public:
  explicit Calibrator(const Graph& graph) : histograms_(graph.tensors.size()), names_(graph.tensors.size()) {
    for (size_t i = 0; i < names_.size(); ++i) names_[i] = graph.tensors[i].desc.name;
  }
  // The observer to run samples with.
  TensorObserver observer();
  // Ranges of all tensors that were seen, by any method but automatic. An error names a tensor that held NaN or
  // infinity.
  Result<quantization::Ranges> ranges(const Options& options) const;

 private:
  std::vector<Histogram> histograms_;
  std::vector<std::string> names_;
};

}  // namespace nibble::calibrate
