// What is left open of the recipe, chosen for this network: no rule tells in advance whether equalising, clipping or
// second order help one (training for quantization leaves weights and ranges that are best left alone), so that each is
// tried and the outputs decide.
#include <algorithm>
#include <cstdio>

#include "converter/compress/loss_table.h"
#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/quantize/formats.h"
#include "converter/quantize/weight_grid.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"

namespace nibble::compress {
namespace {

using quantization::WeightFormat;

// Every second sample judges, the others are fitted to: 14 judges took what 50 found equal (SqueezeNet).
constexpr size_t kJudgeEvery = 2;
// Multiply-adds of all the samples of a trial, and how many samples those are at most and at least.
constexpr double kTrialWork = 4e10;
constexpr size_t kMostSamples = 100, kFewestSamples = 8;
// Another recipe must leave so much less than the one before: with a handful of samples to judge by, a few percent are
// chance.
constexpr double kWorthwhile = 0.9;
// What keeps rare large values may cost so much more noise, just short of 2 dB: the samples tell what it costs (on
// YOLOX-nano 1.3 times the noise), not always what it saves.
constexpr double kForWhatIsRare = 1.5;

struct Alternative {
  const char* name;
  bool open;            // neither given nor meaningless here
  bool keeps_training;  // fits a network that was trained for quantization
  bool tried;           // on other networks
  double most;          // it may leave so much of what the recipe before leaves
  void (*apply)(ConvertOptions& options);
};

// A picture comes in, and rows of a list ([N, T, C]: boxes) or maps of several levels go out: softmax over their
// channels says nothing of boxes, and what matters is in the few rows that are not background. Maps of one size are
// several answers for the same pixels.
bool lists_positions(const Compression& c) {
  const auto rank = [&](TensorId id) { return c.graph.desc(id).shape.size(); };
  if (std::ranges::find(c.graph.inputs, 4u, rank) == c.graph.inputs.end()) return false;
  if (std::ranges::find(c.graph.outputs, 3u, rank) != c.graph.outputs.end()) return true;
  const auto first = std::ranges::find(c.graph.outputs, 4u, rank);
  return std::any_of(first, c.graph.outputs.end(), [&](TensorId id) {
    const Shape &one = c.graph.desc(*first).shape, &other = c.graph.desc(id).shape;
    return other.size() == 4 && (other[2] != one[2] || other[3] != one[3]);
  });
}

bool judges_by_classes(const Compression& c) {
  const size_t rank = c.graph.desc(c.graph.outputs[0]).shape.size();
  return (rank == 2 || rank == 4) && !lists_positions(c);
}

std::vector<Alternative> alternatives(const Compression& c) {
  const ConvertOptions& o = c.options;
  const bool rounds =
      o.rounding.method == rounding::Method::cd && !o.rounding_chosen && o.stats.empty() && !o.format.power_of_two;
  const bool ranges = !o.given.contains("ranges") && o.ranges.method != calibrate::Method::min_max;
  const bool equalizes = !o.given.contains("equalize") && o.equalize;
  return {
      // A detector's samples need not hold much of what it detects, and squares over all positions are those of the
      // background: ranges by least squares clip what is rare and large in layer after layer, and UltraFace loses a
      // tenth of its faces by it (in the wide layers of its middle and in its heads; the outputs' own ranges change
      // nothing). Elsewhere min-max won now and then by a few extremes of the samples, and lost on others.
      {"ranges by min-max", ranges, true, lists_positions(c), kForWhatIsRare,
       [](ConvertOptions& p) { p.ranges.method = calibrate::Method::min_max; }},
      {"no equalisation", equalizes, true, true, kWorthwhile, [](ConvertOptions& p) { p.equalize = false; }},
      // int4 without second order has nowhere been better. Nothing is fitted then, not the weights before they are
      // rounded either: that cost a style network 5 dB (16 pictures).
      {"rounding to nearest", rounds && c.format.weights == WeightFormat::int8, false, true, kWorthwhile,
       [](ConvertOptions& p) {
         p.rounding.method = rounding::Method::nearest;
         p.rounding.propagate = false;
       }},
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

// Most rows of weights lie on an int8 grid: training for quantization left them there.
bool trained_for_integers(const Graph& graph) {
  size_t rows = 0, exact = 0;
  for (const Node& node : graph.nodes) {
    if (!quantization::has_weights(node)) continue;
    const Tensor& tensor = graph.tensor(node.inputs[conv_input::weights]);
    if (!tensor.is_constant() || tensor.desc.type != DType::f32) continue;
    const auto values = tensor.constant->as<float>();
    const auto count = static_cast<size_t>(tensor.desc.shape[0].value()),
               row = values.size() / std::max<size_t>(count, 1);
    rows += count;
    for (size_t o = 0; o < count; ++o) exact += quantization::grid_step(values.subspan(o * row, row)) > 0.0 ? 1 : 0;
  }
  return rows > 0 && 2 * exact > rows;
}

// int8 only: four bits leave the grid anyway. (DeepLabV3 in int4, both together: 0.965 instead of 0.940 on two
// pictures, but 0.899 instead of 0.936 on 30 others, and 1.6 times the divergence on held-out samples.) Such a network
// saw extremes as ranges while it was trained, and equalising would take its weights off their grid. (DeepLabV3 on 40
// pictures: IoU 0.977 so, 0.970 with ranges by least squares, 0.972 with those and equalised.)
void keep_what_was_trained(const std::vector<Alternative>& open, Compression& c) {
  if (!c.options.variations) c.options.variations = 0;  // nothing is fitted but biases
  for (const Alternative& a : open) {
    if (!a.keeps_training) continue;
    const char* reason = "chosen: most weights lie on an int8 grid, as training for it leaves them";
    a.apply(c.options);
    c.report.notes.push_back({a.name, reason});
    std::fprintf(stderr, "%s %s\n", a.name, reason);
  }
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
  if (c.format.weights == WeightFormat::int8 && trained_for_integers(c.graph)) {
    keep_what_was_trained(open, c);
    return {};
  }
  std::erase_if(open, [](const Alternative& a) { return !a.tried; });
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
  double least = loss(first), noise = first.noise_ratio.mean;
  for (const Alternative& a : open) {
    Compression other = trial;
    a.apply(other.options);
    NBL_TRY(const search::Divergence d, try_recipe(other, oracle));
    // A divergence of classes hangs on a few close decisions: the noise must not rise for it.
    const bool better = loss(d) < a.most * least && d.noise_ratio.mean <= std::max(1.0, a.most) * noise;
    std::string text =
        format("%s: %.3g %s (noise %.3g) on %zu samples held out for it, %.3g (%.3g) without",
               better ? "chosen" : "not taken", loss(d), unit, d.noise_ratio.mean, d.samples, least, noise);
    if (a.most > 1.0) text += format("; up to %g times that is allowed, since what is rare in lists counts", a.most);
    std::fprintf(stderr, "%s %s\n", a.name, text.c_str());
    c.report.notes.push_back({a.name, text});
    if (!better) continue;
    a.apply(c.options);
    a.apply(trial.options);
    least = loss(d);
    noise = d.noise_ratio.mean;
  }
  return {};
}

}  // namespace nibble::compress
