// nibble-prune-trial: prunes a network in several ways and judges each on labelled samples.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "converter/data/network_inputs.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "converter/prune/block_search.h"
#include "converter/prune/dead_channels.h"
#include "converter/prune/pruner.h"
#include "core/try.h"
#include "graph/cost.h"
#include "media/preprocess.h"
#include "media/samples.h"

namespace nibble {
namespace {

struct TrialOptions {
  std::string model, preprocess, calibrate, data, labels;
  size_t samples = std::numeric_limits<size_t>::max(), skip = 0, judged = std::numeric_limits<size_t>::max();
  size_t variations = 0;
  std::vector<double> shares;
  std::vector<std::string> ways;
};

prune::SampleInputs inputs_of(const media::SampleSet& set, const media::Preprocessing& preprocessing,
                              size_t variations) {
  prune::SampleInputs out;
  out.count = set.size() + variations;
  out.given = set.size();
  out.dims = [&](const Graph& graph, size_t i) { return dims_of_sample(graph, set, i % set.size(), preprocessing); };
  out.inputs = [&](const Graph& bound, size_t i) { return varied_sample_inputs(bound, set, i, preprocessing); };
  return out;
}

struct Judged {
  size_t count = 0, labelled = 0, right = 0, agree = 0;
};

size_t best(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

Result<std::vector<size_t>> predictions(const Graph& graph, const prune::SampleInputs& samples) {
  std::vector<size_t> out(samples.count);
  prune::PartialRuns parts[2] = {prune::PartialRuns(graph, samples, {graph.outputs[0]}),
                                 prune::PartialRuns(graph, samples, {graph.outputs[0]})};
  NBL_CHECK(prune::for_each_in_two_parts(samples.count, [&](size_t part, size_t i) -> Status {
    NBL_TRY(const auto values, parts[part].run(i));
    out[i] = best(values[0]);
    return {};
  }));
  return out;
}

Judged judge(const media::SampleSet& set, int offset, const std::vector<size_t>& original,
             const std::vector<size_t>& pruned) {
  Judged out;
  for (size_t i = 0; i < pruned.size(); ++i) {
    ++out.count;
    out.agree += original[i] == pruned[i] ? 1 : 0;
    if (!set.label(i)) continue;
    ++out.labelled;
    out.right += static_cast<int>(pruned[i]) == *set.label(i) + offset ? 1 : 0;
  }
  return out;
}

// Branches are tried beside channels; what became of them goes to stderr.
Result<Graph> prune_with_blocks(const Graph& graph, const prune::SampleInputs& samples, double share,
                                const prune::PruneOptions& options, prune::PruneReport& report) {
  const uint64_t macs = multiply_adds(graph);
  const auto target = static_cast<uint64_t>(share * static_cast<double>(macs));
  NBL_TRY(const prune::Removal removal, prune::choose_removal(graph, samples, target, options));
  for (const prune::BlockTrial& t : removal.trials)
    std::fprintf(stderr,
                 "  branch %s: influence %.4f, %llu multiply-adds, alone %.4f, with channels %.4f (channels "
                 "alone %.4f)%s\n",
                 t.add.c_str(), t.influence, static_cast<unsigned long long>(t.multiply_adds), t.alone, t.with_channels,
                 removal.channels_alone, t.removed ? ": removed" : "");
  NBL_TRY(Graph out, prune::apply_removal(removal, report));
  report.macs_before = macs;
  return out;
}

Status trial(const TrialOptions& o) {
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_file(o.model));
  if (!imported.obstacles.empty()) return Error{Code::unsupported_op, onnx_import::describe(imported.obstacles)};
  NBL_CHECK(passes::run(imported.graph, {}));
  NBL_TRY(const prune::DeadChannels dead, prune::remove_dead_channels(imported.graph));
  const Graph& graph = dead.graph;
  media::Preprocessing preprocessing;
  if (!o.preprocess.empty()) {
    NBL_TRY(preprocessing, media::read_preprocessing(o.preprocess));
  }
  NBL_TRY(const media::SampleSet calibration, media::open_samples(o.calibrate, {0, o.samples, {}}));
  NBL_TRY(media::SampleSet judged_set, media::open_samples(o.data, {o.skip, o.judged, {}}));
  if (!o.labels.empty()) NBL_CHECK(judged_set.set_labels(o.labels));
  const prune::SampleInputs samples = inputs_of(calibration, preprocessing, o.variations),
                            data = inputs_of(judged_set, preprocessing, 0);
  NBL_TRY(const std::vector<size_t> original, predictions(graph, data));
  const Judged before = judge(judged_set, preprocessing.label_offset, original, original);
  std::printf("%zu calibration samples, %zu judged, %zu with labels, top-1 %.2f\n", samples.count, before.count,
              before.labelled,
              100.0 * static_cast<double>(before.right) / static_cast<double>(std::max<size_t>(1, before.labelled)));
  std::printf("| multiply-adds | way | top-1 drop | agreement | divergence | s |\n|---|---|---|---|---|---|\n");
  for (double share : o.shares) {
    for (const std::string& way : o.ways) {
      const auto start = std::chrono::steady_clock::now();
      prune::PruneOptions options;
      options.progress = std::getenv("NIBBLE_PROGRESS") != nullptr;
      options.compensate = way == "compensated" || way == "corrected" || way == "blocks";
      options.statistics_correction = way == "corrected";
      options.metric = way == "magnitude" ? prune::Metric::magnitude
                       : way == "obd"     ? prune::Metric::obd
                       : way == "random"  ? prune::Metric::random
                                          : prune::Metric::obs;
      prune::PruneReport report;
      NBL_TRY(const Graph pruned, way == "blocks" ? prune_with_blocks(graph, samples, share, options, report)
                                                  : prune::prune_to_macs(graph, samples, share, options, report));
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      NBL_TRY(const std::vector<size_t> found, predictions(pruned, data));
      const Judged after = judge(judged_set, preprocessing.label_offset, original, found);
      const auto labelled = static_cast<double>(std::max<size_t>(1, after.labelled));
      std::printf("| %.3f | %s | %.2f | %.2f %% | %.4f | %.0f |\n",
                  static_cast<double>(report.macs_after) / static_cast<double>(report.macs_before), way.c_str(),
                  100.0 * (static_cast<double>(before.right) - static_cast<double>(after.right)) / labelled,
                  100.0 * static_cast<double>(after.agree) / static_cast<double>(after.count), report.divergence,
                  seconds);
      std::fflush(stdout);
      if (!options.progress) continue;
      for (const prune::KeptChannels& kept : report.kept) {
        if (static_cast<int64_t>(kept.keep.size()) < kept.channels)
          std::fprintf(stderr, "  %s: %zu of %lld\n", kept.group.c_str(), kept.keep.size(),
                       static_cast<long long>(kept.channels));
      }
      for (const auto& layer : report.fitted)
        std::fprintf(stderr, "  fit %s: %.5f -> %.5f\n", layer.node.c_str(), layer.error_before, layer.error_after);
    }
  }
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  nibble::TrialOptions o;
  CLI::App app{"Prunes a classifier in several ways and judges each.", "nibble-prune-trial"};
  app.add_option("model", o.model, "ONNX file")->required();
  app.add_option("--preprocess", o.preprocess, "JSON: how a picture becomes the network's input");
  app.add_option("--calibrate", o.calibrate, "samples to prune with; labels are not read")->required();
  app.add_option("--samples", o.samples, "use at most N of them");
  app.add_option("--augment", o.variations, "make N variations (parts, mirrored or not) of the pictures to prune with");
  app.add_option("--data", o.data, "samples to judge on")->required();
  app.add_option("--labels", o.labels, "true classes: PATH<tab>INDEX a line");
  app.add_option("--skip", o.skip, "leave out the first K samples of --data");
  app.add_option("--judge", o.judged, "judge on at most N samples");
  app.add_option("--share", o.shares, "share of the multiply-adds to keep; may be repeated")->required();
  app.add_option("--way", o.ways, "random, magnitude, obd, obs, compensated, corrected or blocks; may be repeated")
      ->check(CLI::IsMember({"random", "magnitude", "obd", "obs", "compensated", "corrected", "blocks"}))
      ->required();
  CLI11_PARSE(app, argc, argv);
  if (nibble::Status status = nibble::trial(o); !status) {
    std::fprintf(stderr, "nibble-prune-trial: %s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
