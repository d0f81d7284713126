// nibble-bench: how fast a network runs on a device, and where the time goes.
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>

#include "core/atomic_file.h"
#include "core/try.h"
#include "runtime/open_device.h"
#include "tools/bench_report.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

Status bench(const BenchOptions& options) {
  if (options.device.list) return print_devices();
  if (options.models.empty() && !options.roofline) {
    return Error{Code::invalid_argument, "which .nbl file, or --roofline? (nibble-bench --help shows the options)"};
  }
  // A path that cannot be written is better known before the runs.
  std::optional<AtomicFile> json;
  if (!options.json.empty() && options.json != "-") {
    NBL_TRY(json, AtomicFile::create(options.json));
  }
  BenchResults results;
  const auto start = std::chrono::steady_clock::now();
  NBL_TRY(const Device device, open_device(options.device));
  results.open_device_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (options.roofline) {
    NBL_TRY(results.roofline, measure_roofline(device, options.gemm));
  }
  for (const std::string& path : options.models) {
    NBL_TRY(auto contender, start_cold(device, path, options));
    results.contenders.push_back(std::move(contender));
  }
  NBL_CHECK(measure_runs(results.contenders, options));
  if (results.contenders.size() == 2)
    results.ratio = ratio(results.contenders[0]->run_ms, results.contenders[1]->run_ms);
  results.device_peak_bytes = device.state()->gpu.stats().peak_bytes;
  for (auto& contender : results.contenders) {
    if (options.steps) NBL_CHECK(measure_steps(device, *contender, options));
  }
  NBL_TRY(results.overhead, measure_overhead(device));
  results.process = process_memory();
  const std::string numbers = bench_json(results, device, options);
  const bool tables = options.json != "-";
  std::fputs(tables ? bench_text(results, device, options).c_str() : numbers.c_str(), stdout);
  NBL_CHECK(close_device(device));
  if (!json) return {};
  NBL_CHECK(json->write(std::as_bytes(std::span(numbers))));
  return json->commit();
}

}  // namespace
}  // namespace nibble::tools

int main(int argc, char** argv) {
  nibble::tools::BenchOptions options;
  if (const auto code = nibble::tools::parse_bench_options(argc, argv, options)) return *code;
  return nibble::tools::run_tool("nibble-bench", [&] { return nibble::tools::bench(options); });
}
