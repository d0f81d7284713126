// nibble-convert: an ONNX network goes in, one .nbl file comes out.
#include <cstdio>

#include "converter/compress/stages.h"
#include "converter/convert_options.h"
#include "converter/execute/device_executor.h"
#include "converter/latency/device_timer.h"
#include "converter/tool_main.h"
#include "core/try.h"

namespace nibble {
namespace {

compress::ExecutorFactory executor_factory(const ConvertOptions& o) {
  if (o.executor == "cpu") return [](const Graph& bound) { return make_cpu_executor(bound); };
  return [select = o.device](const Graph& bound) -> Result<std::unique_ptr<Executor>> {
    DeviceOptions options;
    options.select = select;
    NBL_TRY(const Device device, Device::create(options));
    return make_device_executor(bound, device);
  };
}

// A line each.
struct Outcome {
  std::vector<std::string> missed;  // bounds
  std::vector<std::string> undone;  // files beside the network
};

Result<Outcome> convert(const ConvertOptions& o) {
  compress::Compression compression;
  compression.options = o;
  compression.format = o.format;
  compression.make_executor = executor_factory(o);
  if (o.target_latency > 0.0) {
    DeviceOptions options;
    options.select = o.device;
    NBL_TRY(Device device, Device::create(options));
    compression.latency =
        std::make_shared<search::LatencyTable>(latency::make_device_timer(std::move(device)), o.latency_table);
    if (!compression.latency->ignored().empty())
      std::fprintf(stderr, "nibble-convert: %s\n", compression.latency->ignored().c_str());
  }
  NBL_CHECK(compress::run(compression));
  if (o.check_only) {
    std::printf("%s: can be converted, %zu nodes\n", o.model.c_str(), compression.graph.nodes.size());
  }
  return Outcome{std::move(compression.missed), std::move(compression.undone)};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  return nibble::run_tool_main("nibble-convert", [&] {
    const nibble::ConvertOptions options = nibble::parse_convert_options(argc, argv);
    const auto outcome = nibble::convert(options);
    if (!outcome) {
      std::fprintf(stderr, "nibble-convert: %s\n", outcome.error().message.c_str());
      return 1;
    }
    // The file is written: it is the best that was found.
    for (const std::string& line : outcome->missed) std::fprintf(stderr, "nibble-convert: missed %s\n", line.c_str());
    for (const std::string& line : outcome->undone) {
      std::fprintf(stderr, "nibble-convert: '%s' is whole, but not every file beside it: %s\n", options.output.c_str(),
                   line.c_str());
    }
    return !outcome->undone.empty() ? 1 : outcome->missed.empty() ? 0 : 3;
  });
}
