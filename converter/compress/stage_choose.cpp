// What is left open of the recipe, chosen for this network: no rule tells in advance whether equalising, clipping or
// second order help one (training for quantization leaves weights and ranges that are best left alone), so that each is
// tried and the outputs decide.
#include <algorithm>
#include <cstdio>

#include "converter/compress/loss_table.h"
#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"

namespace nibble::compress {
namespace {

using quantization::WeightFormat;

// Of four samples one judges and three are fitted to.
constexpr size_t kJudgeEvery = 4;
// Multiply-adds of all the samples of a trial, and how many samples those are at most and at least.
constexpr double kTrialWork = 2e10;
constexpr size_t kMostSamples = 64, kFewestSamples = 8;
// Another recipe must leave so much less than the one before.
constexpr double kWorthwhile = 0.97;

struct Alternative {
  const char* name;
  bool open;  // neither given nor meaningless here
  void (*apply)(ConvertOptions& options);
};

std::vector<Alternative> alternatives(const Compression& c) {
  const ConvertOptions& o = c.options;
  const bool rounds =
      o.rounding.method == rounding::Method::cd && !o.rounding_chosen && o.stats.empty() && !o.format.power_of_two;
  return {
      {"ranges by min-max", !o.given.contains("ranges") && o.ranges.method != calibrate::Method::min_max,
       [](ConvertOptions& p) { p.ranges.method = calibrate::Method::min_max; }},
      {"no equalisation", !o.given.contains("equalize") && o.equalize, [](ConvertOptions& p) { p.equalize = false; }},
      // int4 without second order has nowhere been better.
      {"rounding to nearest", rounds && c.format.weights == WeightFormat::int8,
       [](ConvertOptions& p) { p.rounding.method = rounding::Method::nearest; }},
  };
}

// Samples of the trials: fitted to and judged by. The same for the same samples, in their order.
Status split(const Compression& c, std::vector<size_t>& fit, std::vector<size_t>& judge) {
  NBL_TRY(const DimBindings dims, dims_of_sample(c.graph, c.samples->set, 0, c.preprocessing));
  NBL_TRY(const Graph bound, bind_dims(c.graph, dims));
  double work = 1.0;
  for (const Node& node : bound.nodes) work += static_cast<double>(multiply_adds(bound, node));
  const auto most = static_cast<size_t>(
      std::clamp(kTrialWork / work, static_cast<double>(kFewestSamples), static_cast<double>(kMostSamples)));
  const size_t given = c.samples->size(), count = std::min(given, most);
  for (size_t i = 0; i < count; ++i) (i % kJudgeEvery == kJudgeEvery - 1 ? judge : fit).push_back(i * given / count);
  return {};
}

// The divergence of the recipe in `trial.options`.
Result<search::Divergence> try_recipe(Compression trial, const search::DivergenceOracle& oracle) {
  NBL_CHECK(equalize_channels(trial));
  NBL_CHECK(find_ranges(trial));
  NBL_CHECK(round_weights(trial));
  return simulated_divergence(trial, trial.format, oracle);
}

// Sequences and boxes may come as [N, T, C]: softmax over C then says nothing of boxes.
bool judges_by_classes(const Compression& c) {
  const size_t rank = c.graph.desc(c.graph.outputs[0]).shape.size();
  return rank == 2 || rank == 4;
}

}  // namespace

Status choose_recipe(Compression& c) {
  const bool rounds = c.format.weights == WeightFormat::int8 || c.format.weights == WeightFormat::int4;
  const search::Budget& budget = c.budget;
  if (!c.options.choose || c.given || !rounds || !c.integer_activations() || !c.samples) return {};
  if (budget.bytes || budget.milliseconds || budget.drop || quantization::has_own_scales(c.graph)) return {};
  std::vector<Alternative> open;
  for (const Alternative& a : alternatives(c)) {
    if (a.open) open.push_back(a);
  }
  if (open.empty() || c.samples->size() < kFewestSamples) return {};

  std::vector<size_t> fit, judge;
  NBL_CHECK(split(c, fit, judge));
  const auto part = [&](const std::vector<size_t>& indices) {
    return std::make_shared<const CalibrationSamples>(
        CalibrationSamples{c.samples->set.subset(indices), c.preprocessing});
  };
  Compression trial = c;
  trial.samples = part(fit);
  trial.held_out = part(judge);
  trial.options.variations = 0;
  SampleRuns original(c.original, *trial.held_out, c.make_executor);
  NBL_TRY(const search::DivergenceOracle oracle,
          search::DivergenceOracle::make(judge.size(), [&](size_t i) { return original.run(i, {}); }, {}));
  const bool by_classes = oracle.has_classes() && judges_by_classes(c);
  const auto loss = [&](const search::Divergence& d) { return by_classes ? d.kl->mean : d.noise_ratio.mean; };
  const char* unit = by_classes ? "nats of KL divergence" : "noise over signal";

  NBL_TRY(const search::Divergence first, try_recipe(trial, oracle));
  double least = loss(first);
  for (const Alternative& a : open) {
    Compression other = trial;
    a.apply(other.options);
    NBL_TRY(const search::Divergence d, try_recipe(other, oracle));
    const bool better = loss(d) < kWorthwhile * least;
    const std::string text = format("%s: %.3g %s on %zu samples held out for it, %.3g without",
                                    better ? "chosen" : "not taken", loss(d), unit, d.samples, least);
    std::fprintf(stderr, "%s %s\n", a.name, text.c_str());
    c.report.notes.push_back({a.name, text});
    if (!better) continue;
    a.apply(c.options);
    a.apply(trial.options);
    least = loss(d);
  }
  return {};
}

}  // namespace nibble::compress
