#include <cstdio>

#include "converter/compress/kept_channels.h"
#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/recover/recover.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

recover::Samples samples_of(const Compression& c) {
  const CalibrationSamples& given = *c.samples;
  recover::Samples out;
  out.count = given.size();
  out.bind = [&given](const Graph& graph) -> Result<Graph> {
    NBL_TRY(const DimBindings dims, dims_of_sample(graph, given.set, 0, given.preprocessing));
    return bind_dims(graph, dims);
  };
  out.run = [&given, factory = c.make_executor](const Graph& graph, std::span<const size_t> samples,
                                                const recover::TakeOutputs& take) -> Status {
    SampleRuns runs(graph, given, factory);
    for (const size_t i : samples) {
      NBL_TRY(const std::vector<reference::FloatValue> outputs, runs.run(i, {}));
      NBL_CHECK(take(i, outputs));
    }
    return {};
  };
  return out;
}

void print(const recover::Recovered& recovered) {
  for (const recover::BlockReport& b : recovered.blocks) {
    std::printf("     recover '%s' to '%s', %zu layers: ", b.input.c_str(), b.output.c_str(), b.layers);
    if (b.samples > 0) std::printf("held-out loss %.4g -> %.4g; ", b.loss_before, b.loss_after);
    std::printf("%s\n", b.kept ? "kept" : ("not kept: " + b.reason).c_str());
  }
  std::printf("recovered on held-out samples: divergence from the original %.4g -> %.4g\n", recovered.divergence_before,
              recovered.divergence_after);
}

}  // namespace

Status recover_weights(Compression& c) {
  if (c.options.recover.empty()) return {};
  if (!c.samples) return Error{Code::invalid_argument, "--recover needs samples: give --calibrate PATH"};
  const recover::Samples samples = samples_of(c);
  recover::Options options;
  if (c.options.recover_steps > 0) options.steps = c.options.recover_steps;
  Result<recover::Recovered> recovered =
      c.options.recover == "network"
          ? recover::recover_network(c.original, c.graph, samples, options)
          : recover::recover_blocks(c.original, c.graph, samples, kept_channels(c.original, c.plan.channels), options);
  if (!recovered) return std::move(recovered).error().with_context("--recover " + c.options.recover);
  print(*recovered);
  c.graph = std::move(recovered->graph);
  return {};
}

}  // namespace nibble::compress
