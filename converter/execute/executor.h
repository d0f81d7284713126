// Runs a float network for calibration, error reports and search: fast where reference/ is obvious.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"
#include "reference/value.h"

namespace nibble {

// Called for each float tensor that is fed or computed, as soon as it is there; `values` live during the call only.
using TensorObserver = std::function<void(TensorId tensor, std::span<const float> values)>;

// May change the values of a float tensor as soon as it is there, before anybody reads or observes it: how rounding
// simulates activations that are stored as integers. Called from several threads at once where runs are.
using TensorEditor = std::function<void(TensorId tensor, std::span<float> values)>;

class Executor {
 public:
  virtual ~Executor() = default;

  // The graph it runs, with bound shapes.
  virtual const Graph& graph() const = 0;

  // May be called from several threads at once; the observer is called from the caller's thread.
  // One value per graph input, in the graph's order, of the bound type and shape; returns the graph's outputs in order.
  // The observer may be empty. A batch above 1 is a graph bound with that batch.
  virtual Result<std::vector<reference::FloatValue>> run(std::vector<reference::FloatValue> inputs,
                                                         const TensorObserver& observer) = 0;
};

// On this host's processor: convolutions and matrix products through oneDNN, everything else in plain loops. Shapes
// must be bound; integer nodes follow the integer contract. A run uses `threads` threads. One is the default: results
// then do not depend on the number of cores, a busy machine does not stall at barriers, and callers may run samples
// side by side.
// `observe_quantized`: observers also see quantized tensors, as the real numbers that their integers stand for.
// `editor` (may be empty) sees every float tensor.
Result<std::unique_ptr<Executor>> make_cpu_executor(Graph bound, int threads = 1, bool observe_quantized = false,
                                                    TensorEditor editor = {});

}  // namespace nibble
