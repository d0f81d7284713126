// How channels are chosen and removed.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace nibble::prune {

// What tells which channels matter least, see removal_order().
enum class Metric { obs, obd, magnitude, random };
const char* to_string(Metric metric);
std::optional<Metric> parse_metric(const std::string& text);

// Told how far a task has come that may take long, from the caller's thread or one at a time: `done` grows within a
// task.
using Watch = std::function<void(const std::string& task, size_t done, size_t total)>;

struct PruneOptions {
  Metric metric = Metric::obs;
  bool compensate = true;              // fit the remaining weights to the original's sums
  bool statistics_correction = false;  // then scale each channel to the spread it had (restore_spread)
  bool blocks = true;                  // whole residual branches may go too, see block_search.h
  size_t divergence_samples = 0;       // samples on which candidates are compared; 0: by the size of the network
  bool integer_activations = false;    // integer nodes follow: only ReLU and Clip are fused again
  bool progress = false;               // every group's choices on stderr
  Watch watch;                         // may be empty
};

}  // namespace nibble::prune
