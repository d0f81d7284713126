#include "tools/bench_probe.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "gpu/staging.h"
#include "params.h"
#include "probes/probe_params.h"

namespace nibble::tools {
namespace {

#include "kernel_spirv.inc"

constexpr ProbeKernel kProbes[] = {
#define NBL_KERNEL(kind, name, weights, activations, output, needs, path, push) ProbeKernel{#name, needs, name##_spv},
#include "kernel_rows.inc"
#undef NBL_KERNEL
};

constexpr uint64_t kStaging = uint64_t{16} << 20;

}  // namespace

std::span<const ProbeKernel> probe_kernels() { return kProbes; }

uint32_t probe_groups(const gpu::Caps& caps) {
  switch (caps.device_type) {
    case gpu::DeviceType::cpu: return 256;
    case gpu::DeviceType::discrete: return 16384;
    default: return 2048;
  }
}

Result<gpu::Pipeline> probe_pipeline(const gpu::Device& device, std::string_view name, uint32_t own) {
  const std::string text(name);
  for (const ProbeKernel& probe : kProbes) {
    if (probe.name != name) continue;
    if (!device.caps().has(probe.needs)) {
      return Error{Code::unsupported_device,
                   format("probe %s needs %s", text.c_str(), gpu::bits_to_text(probe.needs).c_str())};
    }
    const gpu::SpecConstant spec[] = {
        {NBL_SPEC_LOCAL_X, kProbeGroup}, {NBL_SPEC_LOCAL_Y, 1}, {NBL_SPEC_LOCAL_Z, 1}, {NBL_SPEC_OWN, own}};
    return gpu::Pipeline::create(device, {.spirv = probe.spirv,
                                          .bindings = name == "count_dispatches" ? 1u : 2u,
                                          .push_bytes = sizeof(params::ProbeParams),
                                          .constants = spec,
                                          .name = text.c_str()});
  }
  return Error{Code::internal, format("there is no probe '%s'", text.c_str())};
}

Result<gpu::Buffer> probe_buffer(const gpu::Device& device, std::span<const uint32_t> words, const char* name) {
  NBL_TRY(gpu::Buffer buffer, gpu::Buffer::create(device, words.size_bytes(), gpu::BufferPurpose::device_local, name));
  NBL_TRY(gpu::Staging staging, gpu::Staging::create(device, kStaging));
  NBL_CHECK(staging.upload(std::as_bytes(words), buffer, 0));
  return buffer;
}

Result<std::vector<uint32_t>> buffer_words(const gpu::Device& device, const gpu::Buffer& buffer) {
  std::vector<uint32_t> words(buffer.bytes() / 4);
  NBL_TRY(gpu::Staging staging, gpu::Staging::create(device, kStaging));
  NBL_CHECK(staging.download(buffer, 0, std::as_writable_bytes(std::span(words))));
  return words;
}

Result<TimedCommands> TimedCommands::create(const gpu::Device& device, const char* name) {
  NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device, name));
  NBL_TRY(gpu::Timer timer, gpu::Timer::create(device, 2));
  return TimedCommands(std::move(commands), std::move(timer));
}

Status TimedCommands::record(const std::function<void(gpu::CommandList&)>& body) {
  NBL_CHECK(commands_.begin());
  commands_.reset_descriptors();
  commands_.reset(timer_);
  commands_.timestamp(timer_, 0);
  body(commands_);
  commands_.barrier(gpu::compute | gpu::transfer, gpu::compute | gpu::transfer | gpu::host);
  commands_.timestamp(timer_, 1);
  return commands_.finish();
}

Result<double> TimedCommands::run_by_host() {
  const auto start = std::chrono::steady_clock::now();
  NBL_CHECK(commands_.submit());
  NBL_TRY(const bool done, commands_.wait(kLongestRun));
  const auto end = std::chrono::steady_clock::now();
  if (!done) return Error{Code::internal, "a probe of the device did not end within a minute"};
  return std::chrono::duration<double, std::milli>(end - start).count();
}

Result<double> TimedCommands::run() {
  NBL_TRY(const double ms, run_by_host());
  NBL_TRY(const std::vector<std::optional<uint64_t>> times, timer_.read());
  double ns = ms * 1e6;
  if (times.size() == 2 && times[0] && times[1] && *times[1] > *times[0]) {
    ns = static_cast<double>(*times[1] - *times[0]);
  }
  return std::max(ns, 1.0);
}

Result<Amount> measure_growing(const std::function<Result<double>(uint32_t)>& run, double target_ns, uint32_t most) {
  Amount amount;
  NBL_TRY(amount.ns, run(amount.rounds));
  while (amount.ns < target_ns && amount.rounds < most) {
    const double factor = std::clamp(1.2 * target_ns / std::max(amount.ns, 1.0), 2.0, 64.0);
    amount.rounds = static_cast<uint32_t>(std::min(std::ceil(factor * amount.rounds), static_cast<double>(most)));
    NBL_TRY(amount.ns, run(amount.rounds));
  }
  double total = 0;
  int improved = 0;  // in run
  for (int i = 1; i <= kMostRepeats && total < kLongestRepeatNs; ++i) {
    if (i > kLeastRepeats && i > 2 * improved && total >= kLeastRepeatNs) break;
    NBL_TRY(const double ns, run(amount.rounds));
    if (ns < 0.99 * amount.ns) improved = i;
    amount.ns = std::min(amount.ns, ns);
    total += ns;
  }
  return amount;
}

}  // namespace nibble::tools
