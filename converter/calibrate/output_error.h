// Ranges judged by what they do to the layers behind: the error of the readers' results when a tensor is rounded, and
// nothing else is.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converter/calibrate/calibrate.h"
#include "converter/execute/fast_layer.h"

namespace nibble::calibrate {

// One way to choose a tensor's range.
struct Candidate {
  std::string method;  // "mse", "percentile 99.9", ...
  quantization::Ranges ranges;
};
// Every method on the same histograms.
Result<std::vector<Candidate>> candidates(const Calibrator& calibrator);

struct ChosenRange {
  quantization::Range range;
  std::string method;
  double error = 0.0;  // sum over readers of noise / signal; 0 where nothing was measured
};

// By tensor, by candidate: sum over readers and samples of noise / signal. Tensors of one network have the same ids
// whatever its shapes are bound to.
using RangeErrors = std::map<TensorId, std::vector<double>>;
void add(RangeErrors& sum, const RangeErrors& errors);
// By tensor. Where candidates are equally good, or nothing was measured, the first of them wins.
std::map<TensorId, ChosenRange> choose(const std::vector<Candidate>& candidates, const RangeErrors& errors);

// Collects errors over samples of one graph with bound shapes. `graph` and `candidates` must outlive it.
class OutputErrors {
 public:
  static Result<OutputErrors> prepare(const Graph& graph, const std::vector<Candidate>& candidates);
  // The observer to run a sample with; call next_sample() in front of each.
  TensorObserver observer();
  void next_sample();
  // The first error that a reader gave, if any.
  Status status() const { return status_; }

  const RangeErrors& errors() const { return errors_; }

 private:
  // A node that reads tensors with candidates.
  struct Reader {
    const Node* node = nullptr;
    std::shared_ptr<const FastLayer> fast;              // null: the oracle's loops
    std::map<size_t, reference::FloatValue> constants;  // by slot
  };

  OutputErrors(const Graph& graph, const std::vector<Candidate>& candidates)
      : graph_(&graph), candidates_(&candidates) {}
  void seen(TensorId id, std::span<const float> values);
  Status measure(const Reader& reader, std::span<const float> expected);
  Result<double> error_of(const Reader& reader, size_t slot, const quantization::ActivationQuant& quant,
                          std::span<const float> expected);
  void drop_after(const Node& node);

  const Graph* graph_;
  const std::vector<Candidate>* candidates_;
  std::map<TensorId, std::vector<size_t>> readers_of_output_;  // readers_ that compute a tensor
  std::vector<Reader> readers_;
  std::map<TensorId, int> readers_left_, reader_count_;
  std::map<TensorId, reference::FloatValue> live_;
  RangeErrors errors_;
  LayerScratch scratch_;
  Status status_;
};

}  // namespace nibble::calibrate
