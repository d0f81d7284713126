// What nibble-bench found, as tables and as JSON.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench_measure.h"
#include "tools/bench_roofline.h"

namespace nibble::tools {

struct BenchResults {
  double open_device_ms = 0;
  Overhead overhead;
  std::optional<Roofline> roofline;
  std::vector<std::unique_ptr<Contender>> contenders;
  std::optional<Ratio> ratio;  // of the second to the first
  std::optional<PrecisionGain> precision;
  std::vector<double> void_ms;  // runs of a dispatch that does nothing, between the others; empty where not wanted
  uint64_t device_peak_bytes = 0;
  ProcessMemory process;
};

std::string bench_text(const BenchResults& results, const Device& device, const BenchOptions& options);
std::string bench_json(const BenchResults& results, const Device& device, const BenchOptions& options);

}  // namespace nibble::tools
