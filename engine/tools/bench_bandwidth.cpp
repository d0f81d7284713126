// Reading, copying, dispatching.
#include <algorithm>
#include <numeric>

#include "core/text.h"
#include "core/try.h"
#include "probes/probe_params.h"
#include "tools/bench_ceilings.h"
#include "tools/bench_probe.h"
#include "tools/bench_statistics.h"

namespace nibble::tools {
namespace {

constexpr uint32_t kMostRounds = 1u << 20;

std::vector<uint32_t> random_words(size_t count) {
  std::vector<uint32_t> words(count);
  uint64_t state = 0x123456789ABCDEFull;  // a linear congruential generator (D. Knuth, MMIX): enough, and fast
  for (uint32_t& word : words) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    word = static_cast<uint32_t>(state >> 32) | 1u;  // never zero
  }
  return words;
}

// Workgroups of one probe over two buffers: `cover` move all bytes once, `launched` of them run.
struct Mover {
  const gpu::Pipeline& pipeline;
  const gpu::Buffer &from, &to;
  uint32_t cover, launched;

  void record(gpu::CommandList& list, uint32_t rounds, uint32_t dispatches) const {
    const params::ProbeParams push{rounds, cover};
    const gpu::BufferRange buffers[] = {from.whole(), to.whole()};
    list.bind(pipeline, buffers);
    list.push(std::as_bytes(std::span(&push, 1)));
    const uint32_t x = std::min(launched, 32768u);
    for (uint32_t i = 0; i < dispatches; ++i) {
      if (i > 0) list.barrier(gpu::compute, gpu::compute);
      list.dispatch(x, launched / x, 1);
    }
  }
};

// Bytes that a mover reads, per second. `passes`: how often the last dispatch read the buffer.
Result<double> rate(const gpu::Device& device, const Mover& mover, bool cached, uint32_t& passes) {
  NBL_TRY(TimedCommands commands, TimedCommands::create(device, "bandwidth probe"));
  const auto run = [&](uint32_t amount) -> Result<double> {
    NBL_CHECK(
        commands.record([&](gpu::CommandList& list) { mover.record(list, cached ? amount : 1, cached ? 1 : amount); }));
    return commands.run();
  };
  NBL_TRY(const Amount amount, measure_growing(run, probe_target_ns(device.caps()), cached ? kMostRounds : 256));
  const uint32_t copies = mover.launched / mover.cover;
  passes = copies * (cached ? amount.rounds : 1);
  return static_cast<double>(mover.from.bytes()) * copies * amount.rounds / amount.ns * 1e9;
}

Result<uint32_t> counted(const gpu::Device& device, const gpu::Buffer& counter) {
  NBL_TRY(const std::vector<uint32_t> words, buffer_words(device, counter));
  return words[0];
}

// Least nanoseconds of a recording of `count` dispatches by the host's clock, which sees also what the processor does
// for them.
Result<double> dispatches_ns(const gpu::Device& device, const gpu::Pipeline& pipeline, uint32_t count, bool barriers) {
  constexpr int kRuns = 15;
  NBL_TRY(const gpu::Buffer counter, probe_buffer(device, std::vector<uint32_t>{0}, "probe counter"));
  NBL_TRY(TimedCommands commands, TimedCommands::create(device, "dispatch probe"));
  NBL_CHECK(commands.record([&](gpu::CommandList& list) {
    const params::ProbeParams push{1, 0};
    const gpu::BufferRange buffers[] = {counter.whole()};
    list.bind(pipeline, buffers);
    list.push(std::as_bytes(std::span(&push, 1)));
    for (uint32_t i = 0; i < count; ++i) {
      if (barriers && i > 0) list.barrier(gpu::compute, gpu::compute);
      list.dispatch(1, 1, 1);
    }
  }));
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) {
    NBL_TRY(const double ms, commands.run_by_host());
    times.push_back(ms * 1e6);
  }
  NBL_TRY(const uint32_t ran, counted(device, counter));
  if (ran != count * kRuns) {
    return Error{Code::internal, format("probe count_dispatches: %u dispatches ran, expected %u", ran, count * kRuns)};
  }
  return statistics(times).min;
}

}  // namespace

Result<Bandwidth> measure_bandwidth(const gpu::Device& device, uint64_t bytes, bool cached) {
  const std::vector<uint32_t> words = random_words(bytes / 4);
  NBL_TRY(const gpu::Buffer from, probe_buffer(device, words, "probe source"));
  // A small buffer is moved by enough workgroups to fill the device all the same.
  const auto launched = [&](uint32_t cover) { return cached ? std::max(cover, probe_groups(device.caps())) : cover; };
  Bandwidth out{bytes, 0, 0};
  {
    const auto cover = static_cast<uint32_t>(bytes / (16 * NBL_PROBE_READ_VECTORS * kProbeGroup));
    const size_t invocations = size_t{launched(cover)} * kProbeGroup;
    NBL_TRY(const gpu::Buffer sums, probe_buffer(device, std::vector<uint32_t>(invocations), "probe sums"));
    NBL_TRY(const gpu::Pipeline pipeline, probe_pipeline(device, "read_words"));
    uint32_t passes = 0;
    NBL_TRY(out.read, rate(device, Mover{pipeline, from, sums, cover, launched(cover)}, cached, passes));
    NBL_TRY(const std::vector<uint32_t> found, buffer_words(device, sums));
    const uint32_t sum = std::accumulate(found.begin(), found.end(), 0u);
    const uint32_t expected = std::accumulate(words.begin(), words.end(), 0u) * passes;
    if (sum != expected) {
      return Error{Code::internal, format("probe read_words: sum %u, expected %u (%u passes)", sum, expected, passes)};
    }
  }
  const auto cover = static_cast<uint32_t>(bytes / (16 * NBL_PROBE_COPY_VECTORS * kProbeGroup));
  NBL_TRY(const gpu::Buffer to, gpu::Buffer::create(device, bytes, gpu::BufferPurpose::device_local, "probe target"));
  NBL_TRY(const gpu::Pipeline pipeline, probe_pipeline(device, "copy_words"));
  uint32_t passes = 0;
  NBL_TRY(out.copy, rate(device, Mover{pipeline, from, to, cover, launched(cover)}, cached, passes));
  out.copy *= 2;  // read and written
  NBL_TRY(const std::vector<uint32_t> found, buffer_words(device, to));
  if (found != words) return Error{Code::internal, "probe copy_words: the copy differs from its source"};
  return out;
}

Result<DispatchCost> measure_dispatches(const gpu::Device& device) {
  const uint32_t more = device.caps().device_type == gpu::DeviceType::cpu ? 200 : 1000;
  NBL_TRY(const gpu::Pipeline pipeline, probe_pipeline(device, "count_dispatches"));
  NBL_TRY(const double one, dispatches_ns(device, pipeline, 1, false));
  NBL_TRY(const double plain, dispatches_ns(device, pipeline, 1 + more, false));
  NBL_TRY(const double barriers, dispatches_ns(device, pipeline, 1 + more, true));
  const auto each = [&](double ns) { return std::max(ns - one, 1.0) / more; };
  return DispatchCost{each(plain), each(barriers)};
}

}  // namespace nibble::tools
