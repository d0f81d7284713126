#include <algorithm>

#include "converter/recover/blocks.h"
#include "converter/recover/divergence.h"
#include "converter/recover/examples.h"
#include "converter/recover/plan.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::recover {
namespace {

constexpr size_t kLayersOfBlock = 2;  // with one, little can make up for what is gone

// Tensors of the original that stand for those of the changed network.
class Counterparts {
 public:
  Counterparts(const Graph& original, const Graph& changed, const KeptChannels& kept)
      : original_(original), changed_(changed), kept_(kept) {
    for (size_t i = 0; i < original.tensors.size(); ++i) {
      if (!original.tensors[i].is_constant()) by_name_.emplace(original.tensors[i].desc.name, static_cast<TensorId>(i));
    }
  }

  TensorId of(TensorId changed) const {
    const auto found = by_name_.find(changed_.desc(changed).name);
    return found == by_name_.end() ? kNoTensor : found->second;
  }
  std::span<const int64_t> channels(TensorId changed) const {
    const auto found = kept_.find(changed_.desc(changed).name);
    return found == kept_.end() ? std::span<const int64_t>() : std::span(found->second);
  }
  bool comparable(TensorId changed) const {
    const TensorId other = of(changed);
    if (other == kNoTensor) return false;
    Shape shape = original_.desc(other).shape;
    if (const auto kept = channels(changed); !kept.empty() && shape.size() > 1)
      shape[1] = Dim(static_cast<int64_t>(kept.size()));
    return shape == changed_.desc(changed).shape;
  }

 private:
  const Graph& original_;
  const Graph& changed_;
  const KeptChannels& kept_;
  std::map<std::string, TensorId> by_name_;
};

class BlockRecovery {
 public:
  BlockRecovery(const Graph& original, const Graph& changed, const Samples& samples, const KeptChannels& kept,
                const Options& options)
      : original_(original), samples_(samples), options_(options), counterparts_(original, changed, kept) {
    out_.graph = changed;
    running_ = changed;
  }

  Result<Recovered> run() {
    NBL_TRY(split_, split_samples(samples_.count));
    NBL_TRY(const Divergence divergence,
            Divergence::of(original_, samples_, split_.held_out, options_.cache_bytes / 4));
    NBL_TRY(out_.divergence_before, divergence(out_.graph));
    out_.divergence_after = out_.divergence_before;
    const std::vector<Block> blocks = join_blocks(smallest_blocks(running_), kLayersOfBlock,
                                                  [&](TensorId id) { return counterparts_.comparable(id); });
    double now = out_.divergence_before;
    size_t kept = 0;  // blocks up to the one behind which the network was closest to the original
    for (const Block& block : blocks) {
      BlockReport report;
      report.input = running_.desc(block.input).name;
      report.output = running_.desc(block.output).name;
      report.layers = block.weighted_layers;
      report.divergence_before = report.divergence_after = now;
      NBL_CHECK(recover(block, divergence, report));
      now = report.divergence_after;
      out_.blocks.push_back(std::move(report));
      if (!(now < out_.divergence_after)) continue;
      out_.divergence_after = now;
      out_.graph = running_;
      kept = out_.blocks.size();
    }
    for (size_t i = kept; i < out_.blocks.size(); ++i) {
      if (!out_.blocks[i].kept) continue;
      out_.blocks[i].kept = false;
      out_.blocks[i].reason = "from here on the network's output came no closer to the original's";
    }
    return std::move(out_);
  }

 private:
  Status recover(const Block& block, const Divergence& divergence, BlockReport& report) {
    NBL_TRY(const Graph bound, samples_.bind(running_));
    const Result<Subnet> one = Subnet::make(bound, block.nodes, block.input, block.output, 1);
    if (!one && one.error().code == Code::unsupported_op) {
      report.reason = one.error().message;
      return {};
    }
    if (!one) return one.error();
    const int64_t chunk = chunk_samples(*one, options_);
    NBL_TRY(Subnet subnet, Subnet::make(bound, block.nodes, block.input, block.output, chunk));

    // Of the cache four parts are for training and one for the held-out samples.
    const auto per_sample = static_cast<size_t>(one->input().elements() + one->output().elements()) * sizeof(float);
    const size_t fit = std::max<size_t>(options_.cache_bytes / per_sample, 10);
    const std::vector<size_t> train_on = spread(split_.train, fit - fit / 5);
    NBL_TRY(const std::unique_ptr<Examples> examples, cached(block, subnet, train_on, nullptr));
    Loss loss;
    NBL_TRY(const std::unique_ptr<Examples> held_out, cached(block, subnet, spread(split_.held_out, fit / 5), &loss));
    NBL_TRY(const Trained trained,
            train(subnet, *examples, *held_out, loss, train_options(options_, chunk, options_.steps)));
    report.samples = train_on.size();
    report.loss_before = trained.before;
    report.loss_after = trained.after;
    if (trained.best_step == 0) {
      report.reason = trained.before <= kNothingLost ? "it computes what the original does"
                                                     : "nothing better on the held-out samples was found";
      return {};
    }
    // Whether the network's output gains shows only behind the blocks to come, which still expect the damaged input.
    NBL_CHECK(subnet.store(trained.values, running_));
    NBL_TRY(report.divergence_after, divergence(running_));
    report.kept = true;
    return {};
  }

  // `loss`, where given, is the one for these targets.
  Result<std::unique_ptr<Examples>> cached(const Block& block, const Subnet& subnet, const std::vector<size_t>& which,
                                           Loss* loss) const {
    NBL_TRY(Features inputs, collect(running_, block.input, samples_, which));
    NBL_TRY(Features targets,
            collect(original_, counterparts_.of(block.output), samples_, which, counterparts_.channels(block.output)));
    if (loss) *loss = {LossKind::squared, energy(targets)};
    return std::unique_ptr<Examples>(std::make_unique<CachedExamples>(std::move(inputs), std::move(targets), subnet));
  }

  const Graph& original_;
  const Samples& samples_;
  const Options& options_;
  Counterparts counterparts_;
  Split split_;
  Graph running_;  // with all blocks trained so far
  Recovered out_;
};

}  // namespace

Result<Recovered> recover_blocks(const Graph& original, const Graph& changed, const Samples& samples,
                                 const KeptChannels& kept, const Options& options) {
  return BlockRecovery(original, changed, samples, kept, options).run();
}

}  // namespace nibble::recover
