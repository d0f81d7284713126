// Kernels that measure a device (shaders/probes.cmake), and the time that a recording takes on it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gpu/command.h"
#include "gpu/pipeline.h"
#include "gpu/timer.h"

namespace nibble::tools {

struct ProbeKernel {
  std::string_view name;
  uint32_t needs = 0;  // gpu::Caps bits
  std::span<const uint32_t> spirv;
};
std::span<const ProbeKernel> probe_kernels();

inline constexpr uint32_t kProbeGroup = 64;  // invocations of a workgroup
// Enough workgroups to fill a device of this kind; a power of two.
uint32_t probe_groups(const gpu::Caps& caps);

// One of the kernels above as a pipeline; `own` is its own specialization constant, where it has one. An error names a
// kernel that the table lacks or the device cannot run.
Result<gpu::Pipeline> probe_pipeline(const gpu::Device& device, std::string_view name, uint32_t own = 0);

// A device-local buffer that holds `words`.
Result<gpu::Buffer> probe_buffer(const gpu::Device& device, std::span<const uint32_t> words, const char* name);
Result<std::vector<uint32_t>> buffer_words(const gpu::Device& device, const gpu::Buffer& buffer);

// A recording and how long it takes: by the device's clock where it has timestamps, else by the host's from submission
// to the end.
class TimedCommands {
 public:
  static Result<TimedCommands> create(const gpu::Device& device, const char* name);
  // Records what `body` says between two timestamps.
  Status record(const std::function<void(gpu::CommandList&)>& body);
  // Nanoseconds of one run, above 0. An error when it lasts longer than kLongestRun.
  Result<double> run();
  // Milliseconds by the host's clock, whatever the device has.
  Result<double> run_by_host();

 private:
  TimedCommands(gpu::CommandList commands, gpu::Timer timer)
      : commands_(std::move(commands)), timer_(std::move(timer)) {}
  gpu::CommandList commands_;
  gpu::Timer timer_;
};
inline constexpr uint64_t kLongestRun = 60ull * 1'000'000'000;  // ns

// Work that can be made longer, and how long it took.
struct Amount {
  uint32_t rounds = 1;
  double ns = 0;
};

// Doubles (or more) the rounds until `run(rounds)`, which gives nanoseconds, takes at least `target_ns`, then runs
// again and keeps the shortest: whatever disturbs a run makes it longer. Ends when more than half of the runs brought
// nothing better, but not before kLeastRepeatNs, and after kLongestRepeatNs in any case. `most` ends the growth.
Result<Amount> measure_growing(const std::function<Result<double>(uint32_t)>& run, double target_ns, uint32_t most);
inline constexpr int kLeastRepeats = 10, kMostRepeats = 200;
inline constexpr double kLeastRepeatNs = 1.5e8, kLongestRepeatNs = 5e8;

}  // namespace nibble::tools
