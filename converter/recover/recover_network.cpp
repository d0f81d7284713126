#include <algorithm>

#include "converter/recover/blocks.h"
#include "converter/recover/divergence.h"
#include "converter/recover/examples.h"
#include "converter/recover/plan.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::recover {
namespace {

constexpr int64_t kStepsOfNetwork = 4;  // times those of a block: it has about that many more layers

Result<Block> all_of(const Graph& graph) {
  const std::optional<Block> block = whole_network(graph);
  if (block) return *block;
  return Error{Code::unsupported_op, format("recovery of the whole network needs one input and one output, found %zu "
                                            "and %zu",
                                            graph.inputs.size(), graph.outputs.size())};
}

}  // namespace

Result<Recovered> recover_network(const Graph& original, const Graph& changed, const Samples& samples,
                                  const Options& options) {
  NBL_TRY(const Split split, split_samples(samples.count));
  NBL_TRY(const Block block, all_of(changed));
  NBL_TRY(const Block original_block, all_of(original));
  NBL_TRY(const Graph bound, samples.bind(changed));
  NBL_TRY(const Graph original_bound, samples.bind(original));
  NBL_TRY(const Subnet one, Subnet::make(bound, block.nodes, block.input, block.output, 1));
  const int64_t chunk = chunk_samples(one, options);
  NBL_TRY(Subnet subnet, Subnet::make(bound, block.nodes, block.input, block.output, chunk));
  NBL_TRY(Subnet teacher,
          Subnet::make(original_bound, original_block.nodes, original_block.input, original_block.output, chunk));
  const auto shared_teacher = std::make_shared<const Subnet>(std::move(teacher));

  Recovered out;
  out.graph = changed;
  NBL_TRY(const Divergence divergence, Divergence::of(original, samples, split.held_out, options.cache_bytes / 4));
  NBL_TRY(out.divergence_before, divergence(changed));
  out.divergence_after = out.divergence_before;

  const size_t fit =
      std::max<size_t>(options.cache_bytes / (static_cast<size_t>(one.input().elements()) * sizeof(float)), 10);
  const std::vector<size_t> train_on = spread(split.train, fit - fit / 5);
  NBL_TRY(Features inputs, collect(original, original_block.input, samples, train_on));
  NBL_TRY(Features held_inputs, collect(original, original_block.input, samples, spread(split.held_out, fit / 5)));
  const TaughtExamples examples(std::move(inputs), shared_teacher, true, options.threads);
  const TaughtExamples held_out(std::move(held_inputs), shared_teacher, false, options.threads);

  BlockReport report;
  report.input = changed.desc(block.input).name;
  report.output = changed.desc(block.output).name;
  report.layers = block.weighted_layers;
  report.samples = train_on.size();
  report.divergence_before = report.divergence_after = out.divergence_before;
  NBL_TRY(const Trained trained, train(subnet, examples, held_out, divergence.loss(0),
                                       train_options(options, chunk, options.steps * kStepsOfNetwork)));
  report.loss_before = trained.before;
  report.loss_after = trained.after;
  Graph graph = changed;
  NBL_CHECK(subnet.store(trained.values, graph));
  NBL_TRY(report.divergence_after, divergence(graph));
  report.kept = trained.best_step > 0 && report.divergence_after < report.divergence_before;
  if (report.kept) {
    out.graph = std::move(graph);
    out.divergence_after = report.divergence_after;
  } else {
    report.reason = trained.before <= kNothingLost ? "it computes what the original does"
                                                   : "nothing better on the held-out samples was found";
  }
  out.blocks.push_back(std::move(report));
  return out;
}

}  // namespace nibble::recover
