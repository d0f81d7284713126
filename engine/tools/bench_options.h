// What nibble-bench is asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nibble/result.h"
#include "tools/tool_device.h"

namespace nibble::tools {

inline constexpr int kJitterRuns = 1000;  // from so many runs on, a 99th percentile says something

struct BenchOptions {
  std::vector<std::string> models;  // one, or two to compare; none with --roofline
  std::vector<std::string> dims;
  int runs = 0;  // 0: as many as fit in `seconds`, at least kLeastRuns
  int warmup = 2;
  bool warmup_given = false;
  double seconds = 2.0;   // of each model
  bool steps = true;      // measure every step
  int shown_steps = 15;   // in the table; 0: all
  std::string against;    // another build of this program to compare with
  int turns = 6;          // of each of the two
  int starts = 0;         // of each kind, without a cache and with one; 0: none
  double slice = 0;       // milliseconds of budget for runs in slices; 0: none
  bool jitter = false;    // a void dispatch in turns with the runs
  bool roofline = false;  // measure the device's ceilings, too; with or without models
  int64_t gemm = 512;     // size of the matrix product that --roofline measures
  uint32_t seed = 1;
  std::string json;  // "-": standard output in place of the tables
  std::string kernels;
  DeviceRequest device;
  std::vector<std::string> command;  // as it was called
};

// The least runs where their number is not given, and of a turn of --against.
inline constexpr int kLeastRuns = 10;

// An exit code when there is nothing to measure: behind --help, --version and wrong arguments.
std::optional<int> parse_bench_options(int argc, char** argv, BenchOptions& options);

// What contradicts itself, or leaves nothing to do.
Status check_bench_options(const BenchOptions& options);

}  // namespace nibble::tools
