#include <cstdio>
#include <map>
#include <string>

#include "converter/compress/pruning_inputs.h"
#include "converter/compress/stages.h"
#include "converter/passes/pass.h"
#include "converter/prune/redundant_channels.h"
#include "converter/prune/split_activations.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {

Status remove_redundant(Compression& c) {
  if (c.given && c.given->redundant.empty()) return {};
  if (!c.options.stats.empty()) return {};  // they are of the network as it came
  if (!c.samples || c.samples->size() < 2) {
    if (!c.given) return {};
    return Error{Code::invalid_argument,
                 "the plan removes redundant channels, which takes its samples: give --calibrate PATH"};
  }
  std::vector<prune::KeptChannels> steps;
  if (c.given) {
    for (const plan::ChannelPlan& p : c.given->redundant) steps.push_back({p.group, p.channels, p.keep});
  }
  const prune::SampleInputs samples = pruning_inputs(*c.samples);
  NBL_TRY(const Graph split, prune::split_activations(c.graph));
  NBL_TRY(prune::RedundantChannels found, c.given ? prune::repeat_redundant_channels(split, samples, steps)
                                                  : prune::remove_redundant_channels(split, samples));
  c.plan.redundant.clear();
  if (found.removed == 0) return {};
  for (const prune::KeptChannels& step : found.steps) {
    c.plan.redundant.push_back({step.group, step.channels, step.keep});
    c.report.notes.push_back(
        {step.group, format("%lld of %lld channels repeat what others say (duplicates or affine combinations of them): "
                            "removed, the others' weights make up for them",
                            static_cast<long long>(step.channels) - static_cast<long long>(step.keep.size()),
                            static_cast<long long>(step.channels))});
  }
  std::printf("%lld redundant channels removed in %zu place%s; no output moves by more than %.1g of the largest\n",
              static_cast<long long>(found.removed), found.steps.size(), found.steps.size() == 1 ? "" : "s",
              found.largest_difference);
  std::map<std::string, Shape> shapes;
  for (const Tensor& t : split.tensors) shapes[t.desc.name] = t.desc.shape;
  for (const Tensor& t : found.graph.tensors) {
    if (!t.is_constant() && shapes[t.desc.name] != t.desc.shape) c.renumbered.insert(t.desc.name);
  }
  remove_dead(found.graph);
  NBL_CHECK(passes::run(found.graph, {.integer_activations = c.integer_activations()}));
  c.graph = std::move(found.graph);
  return {};
}

}  // namespace nibble::compress
