// nibble-bench: how fast a network runs on a device, and where the time goes.
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>

#include "core/atomic_file.h"
#include "core/try.h"
#include "runtime/open_device.h"
#include "tools/bench_against.h"
#include "tools/bench_report.h"
#include "tools/bench_starts.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

// Measures the ceilings and holds the networks against them.
Status judge(const Device& device, BenchResults& results, const BenchOptions& options) {
  NBL_TRY(results.roofline, measure_roofline(device, options.gemm));
  for (auto& contender : results.contenders) set_floors(*contender, results.roofline->ceilings);
  if (!results.ratio) return {};
  results.precision = precision_gain(*results.roofline, results.contenders[0]->product, results.contenders[1]->product,
                                     results.ratio->median);
  return {};
}

void print_results(const std::string& tables, const std::string& numbers, const BenchOptions& options) {
  std::fputs(options.json != "-" ? tables.c_str() : numbers.c_str(), stdout);
}

Status write_file(const std::string& numbers, std::optional<AtomicFile>& json) {
  if (!json) return {};
  NBL_CHECK(json->write(std::as_bytes(std::span(numbers))));
  return json->commit();
}

Status bench(const BenchOptions& options) {
  if (options.device.list) return print_devices();
  NBL_CHECK(check_bench_options(options));
  // A path that cannot be written is better known before the runs.
  std::optional<AtomicFile> json;
  if (!options.json.empty() && options.json != "-") {
    NBL_TRY(json, AtomicFile::create(options.json));
  }
  if (!options.against.empty()) {
    NBL_TRY(const BuildComparison comparison, compare_builds(options));
    const std::string numbers = against_json(comparison, options);
    print_results(against_text(comparison), numbers, options);
    return write_file(numbers, json);
  }
  if (options.starts > 0) {
    NBL_TRY(const StartComparison comparison, compare_starts(options));
    const std::string numbers = starts_json(comparison, options);
    print_results(starts_text(comparison), numbers, options);
    return write_file(numbers, json);
  }
  BenchResults results;
  const auto start = std::chrono::steady_clock::now();
  NBL_TRY(const Device device, open_device(options.device));
  results.open_device_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  for (const std::string& path : options.models) {
    NBL_TRY(auto contender, start_cold(device, path, options));
    results.contenders.push_back(std::move(contender));
  }
  if (!options.models.empty()) {
    const bool jitter = options.jitter || options.runs >= kJitterRuns;
    NBL_CHECK(measure_runs(device, results.contenders, options, jitter ? &results.void_ms : nullptr));
  }
  if (options.slice > 0) {
    for (auto& contender : results.contenders) {
      NBL_TRY(contender->slices, measure_slices(*contender->session, options));
    }
  }
  if (results.contenders.size() == 2)
    results.ratio = ratio(results.contenders[0]->run_ms, results.contenders[1]->run_ms);
  results.device_peak_bytes = device.state()->gpu.stats().peak_bytes;
  for (auto& contender : results.contenders) {
    if (options.steps) NBL_CHECK(measure_steps(device, *contender, options));
  }
  NBL_TRY(results.overhead, measure_overhead(device));
  results.process = process_memory();
  // Last, so that memory and caches are those of the networks before.
  if (options.roofline) NBL_CHECK(judge(device, results, options));
  const std::string numbers = bench_json(results, device, options);
  print_results(bench_text(results, device, options), numbers, options);
  NBL_CHECK(close_device(device));
  return write_file(numbers, json);
}

}  // namespace
}  // namespace nibble::tools

int main(int argc, char** argv) {
  nibble::tools::BenchOptions options;
  if (const auto code = nibble::tools::parse_bench_options(argc, argv, options)) return *code;
  return nibble::tools::run_tool("nibble-bench", [&] { return nibble::tools::bench(options); });
}
