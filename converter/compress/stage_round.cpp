#include <algorithm>

#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/rounding/layer_weights.h"
#include "converter/rounding/round_network.h"
#include "converter/statistics/moments_file.h"
#include "core/text.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

constexpr size_t kEnoughSamples = 256;

// The given samples, then variations of the pictures among them, going round.
rounding::SampleFeed feed(const CalibrationSamples& samples, const Graph& graph) {
  const size_t given = samples.size();
  rounding::SampleFeed out;
  out.count = given + samples.variations;
  out.dims = [&samples, &graph, given](size_t i) -> Result<DimBindings> {
    // A variation has the size of its picture.
    return dims_of_sample(graph, samples.set, i % given, samples.preprocessing);
  };
  out.inputs = [&samples](const Graph& bound, size_t i) {
    return varied_sample_inputs(bound, samples.set, i, samples.preprocessing);
  };
  return out;
}

bool all_pictures(const media::SampleSet& set) {
  for (size_t i = 0; i < set.size(); ++i) {
    if (set.kind(i) != media::SampleSet::Kind::image) return false;
  }
  return true;
}

// By what the layers are granted: beside a codebook the first layer and depthwise ones are int8, say. Scales that are
// powers of two are chosen when the weights are stored, which rounds to nearest.
bool rounds_any(const Compression& c) {
  return !c.format.power_of_two && std::any_of(c.graph.nodes.begin(), c.graph.nodes.end(), [&](const Node& node) {
    return rounding::layer_weights(c.graph, node, c.format).has_value();
  });
}

// For the report: layers whose rounding knows less than that of others.
void note_long_rows(Compression& c) {
  for (const Node& node : c.graph.nodes) {
    const auto layer = rounding::layer_weights(c.graph, node, c.format);
    if (!layer || !c.format.rounded.contains(node.name)) continue;
    const int64_t row = layer->inputs * layer->kernel;
    if (row <= statistics::kLongestRowWithPairs || c.options.rounding.method == rounding::Method::hqq) continue;
    c.report.notes.push_back(
        {node.name, format("rows of %lld weights, more than %lld: rounded by the mean square of each input, without "
                           "making up for errors with other weights",
                           static_cast<long long>(row), static_cast<long long>(statistics::kLongestRowWithPairs))});
  }
}

}  // namespace

Status round_weights(Compression& c) {
  const rounding::Options& options = c.options.rounding;
  if (!rounds_any(c) || (options.method == rounding::Method::nearest && !options.bias_correction && !options.clip))
    return {};
  if (!c.options.stats.empty() && options.method != rounding::Method::hqq) {
    NBL_TRY(const statistics::MomentsFile file, statistics::MomentsFile::open(c.options.stats));
    if (Status status = statistics::check_network(file, c.graph); !status)
      return std::move(status).error().with_context("--stats '" + c.options.stats + "'");
    NBL_TRY(rounding::RoundedNetwork rounded, rounding::round_network(c.graph, c.format, file, {.layer = options}));
    c.format.rounded = std::move(rounded.layers);
    note_long_rows(c);
    return {};
  }
  if (!c.samples || options.method == rounding::Method::hqq) {
    const bool needs_samples = c.options.rounding_chosen && options.method != rounding::Method::hqq &&
                               options.method != rounding::Method::nearest;
    if (needs_samples)
      return Error{Code::invalid_argument, "--rounding gptq and cd need samples: give --calibrate PATH"};
    if (options.method != rounding::Method::nearest)
      c.format.rounded = rounding::round_network_without_data(c.graph, c.format).layers;
    return {};
  }
  CalibrationSamples samples = *c.samples;
  const bool pictures = all_pictures(samples.set);
  if (!pictures && c.options.variations.value_or(0) > 0)
    return Error{Code::invalid_argument, "--augment makes variations of pictures; there are other samples"};
  samples.variations =
      pictures ? c.options.variations.value_or(kEnoughSamples - std::min(kEnoughSamples, samples.size())) : 0;
  rounding::NetworkOptions network{.layer = options, .pictures = samples.size()};
  std::unique_ptr<media::Progress> progress;
  network.progress = [&progress](size_t, size_t total) {
    if (!progress) progress = std::make_unique<media::Progress>("rounding", total);
    progress->advance();
  };
  const rounding::SampleFeed source = feed(samples, c.graph);
  NBL_TRY(rounding::RoundedNetwork rounded, rounding::round_network(c.graph, c.ranges, c.format, source, network));
  if (progress) progress->finish();
  c.format.rounded = std::move(rounded.layers);
  note_long_rows(c);
  return {};
}

std::string Compression::rounding_of(const std::string& node) const {
  const bool chosen = format.rounded.contains(node) && !format.power_of_two;
  return to_string(chosen ? options.rounding.method : rounding::Method::nearest);
}

}  // namespace nibble::compress
