#include "converter/prune/pruner.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>

#include "converter/passes/pass.h"
#include "converter/prune/group_moments.h"
#include "converter/prune/readers.h"
#include "converter/prune/split_activations.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

// Multiply-adds of the candidate comparisons per sample and evaluation are bounded by this: small networks can afford
// more samples.
constexpr double kEvaluationMacs = 1.2e10;

// What channels are worth, and what makes up for them, takes a reader's second moments.
void freeze_before_long_rows(const Graph& graph, AxisGroups& groups) {
  const auto consumer_list = consumers(graph);
  std::erase_if(groups.groups, [&](const Group& group) {
    for (const Channel& channel : group.channels) {
      for (const Column& column : readers_of(graph, consumer_list, channel).columns) {
        const Node& reader = graph.nodes[static_cast<size_t>(column.node)];
        if (!has_long_rows(graph, reader)) continue;
        groups.frozen.push_back(
            {group.name, static_cast<int64_t>(group.channels.size()),
             format("'%s' reads it, whose rows of more than %lld weights have no second moments", reader.name.c_str(),
                    static_cast<long long>(statistics::kLongestRowWithPairs))});
        return true;
      }
    }
    return false;
  });
}

// Keep-counts worth a look: multiples of four at eighths or what `parts` says, down to a quarter of the channels.
std::vector<int64_t> keep_counts(int64_t channels, int64_t most_removed, int64_t parts) {
  std::vector<int64_t> out{channels};
  for (int64_t part = parts - 1; part >= parts / 4; --part) {
    const int64_t keep = channels * part / parts / 4 * 4;
    if (keep < 4 || keep >= out.back() || channels - keep > most_removed) continue;
    out.push_back(keep);
  }
  return out;
}

// Of the outputs with a row of classes.
size_t most_classes(const Graph& graph) {
  size_t out = 0;
  for (TensorId id : graph.outputs) {
    const Shape& shape = graph.desc(id).shape;
    if (shape.size() == 2 && shape[1].is_const()) out = std::max(out, static_cast<size_t>(shape[1].value()));
  }
  return out;
}

// By node: whether a layer with weights reads what becomes of its output.
std::vector<bool> has_layers_behind(const Graph& graph) {
  std::vector<bool> out(graph.nodes.size(), false), tensor(graph.tensors.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    for (TensorId id : node.outputs) out[n] = out[n] || tensor[static_cast<size_t>(id)];
    if (!out[n] && !is_weight_layer(graph, node)) continue;
    for (TensorId id : node.inputs) {
      if (id != kNoTensor) tensor[static_cast<size_t>(id)] = true;
    }
  }
  return out;
}

constexpr double kScarceDamping = 0.3;  // see removal_order()

}  // namespace

Result<std::unique_ptr<Pruner>> Pruner::make(const Graph& graph, const SampleInputs& samples,
                                             const PruneOptions& options) {
  if (samples.count < 2) {
    return Error{Code::invalid_argument, format("pruning needs 2 samples or more, found %zu", samples.count)};
  }
  std::unique_ptr<Pruner> out(new Pruner);
  NBL_TRY(out->original_, split_activations(graph));
  out->samples_ = cached_samples(samples);
  out->options_ = options;
  out->groups_ = find_axis_groups(out->original_);
  freeze_before_long_rows(out->original_, out->groups_);
  out->macs_ = multiply_adds(out->original_);
  const size_t given = samples.given == 0 ? samples.count : samples.given, classes = most_classes(out->original_);
  out->scarce_ = given < classes;
  // What is fitted is judged on other samples: with few of them, channels that only some classes need look idle. Where
  // samples do not judge, all of them give moments.
  std::vector<size_t> fitted, judged;
  for (size_t i = 0; i < samples.count; ++i) {
    if (out->scarce_ || samples.source(i) % 3 != 0) fitted.push_back(i);
    if (i % 3 == 0 && i < given) judged.push_back(i);
  }
  out->judged_ = selected_samples(out->samples_, judged);
  out->fitted_ = selected_samples(out->samples_, fitted);
  if (out->scarce_) out->keep_features(given, classes);
  size_t count = options.divergence_samples;
  if (count == 0) {
    const double affordable = kEvaluationMacs / std::max<double>(1.0, static_cast<double>(out->macs_));
    count = static_cast<size_t>(std::clamp(affordable, 24.0, 256.0));
  }
  NBL_TRY(Divergence divergence,
          Divergence::make(out->original_, out->judged_, 0, std::min(count, out->judged_.count)));
  out->divergence_.emplace(std::move(divergence));
  return out;
}

void Pruner::keep_features(size_t samples, size_t classes) {
  const std::vector<bool> behind = has_layers_behind(original_);
  const auto consumer_list = consumers(original_);
  whole_.assign(groups_.groups.size(), false);
  for (size_t g = 0; g < groups_.groups.size(); ++g) {
    const Group& group = groups_.groups[g];
    for (const Channel& channel : group.channels) {
      for (const Column& column : readers_of(original_, consumer_list, channel).columns)
        whole_[g] = whole_[g] || !behind[static_cast<size_t>(column.node)];
    }
    if (!whole_[g]) continue;
    groups_.frozen.push_back({group.name, static_cast<int64_t>(group.channels.size()),
                              format("%zu samples cannot show what %zu classes need of it", samples, classes)});
  }
}

void Pruner::order_group(size_t g, const Moments& moments) {
  orders_.resize(groups_.groups.size());
  if (!orders_[g].loss.empty()) return;
  if (scarce_ && whole_[g]) {
    orders_[g] = {{}, {0.0}};
    return;
  }
  orders_[g] = removal_order(original_, groups_.groups[g], moments, options_.metric, scarce_ ? kScarceDamping : 1e-3);
}

Status Pruner::order_channels() {
  if (orders_.size() == groups_.groups.size()) return {};
  return for_each_group(original_, groups_.groups, fitted_, [&](size_t g, const Moments& moments) -> Status {
    order_group(g, moments);
    return {};
  });
}

std::vector<const Channel*> Pruner::removed(const std::vector<int64_t>& keep) const {
  RemovalSet set(original_);
  for (size_t g = 0; g < groups_.groups.size(); ++g) {
    const auto& channels = groups_.groups[g].channels;
    const int64_t count = static_cast<int64_t>(channels.size()) - keep[g];
    for (int64_t i = 0; i < count && i < static_cast<int64_t>(orders_[g].order.size()); ++i)
      set.add(channels[orders_[g].order[static_cast<size_t>(i)]]);
  }
  return set.channels();
}

uint64_t Pruner::macs(const std::vector<int64_t>& keep) const {
  std::map<std::pair<TensorId, int32_t>, int64_t> lost;
  for (const Channel* channel : removed(keep)) {
    for (const Position& p : channel->positions) {
      if (original_.tensor(p.tensor).is_constant()) ++lost[{p.tensor, p.axis}];
    }
  }
  uint64_t out = 0;
  for (const Node& node : original_.nodes) {
    uint64_t macs = multiply_adds(original_, node);
    if (macs > 0 && original_.tensor(node.inputs[1]).is_constant()) {
      for (int32_t axis = 0; axis < 2; ++axis) {
        const auto found = lost.find({node.inputs[1], axis});
        if (found == lost.end()) continue;
        const auto size =
            static_cast<uint64_t>(original_.desc(node.inputs[1]).shape[static_cast<size_t>(axis)].value());
        macs = macs / size * (size - static_cast<uint64_t>(found->second));
      }
    }
    out += macs;
  }
  return out;
}

Result<const std::vector<GroupChoices>*> Pruner::choices() {
  if (!choices_.empty()) return &choices_;
  NBL_CHECK(for_each_group(original_, groups_.groups, fitted_, [&](size_t g, const Moments& moments) -> Status {
    order_group(g, moments);
    NBL_TRY(GroupChoices choice, choices_of(g, moments));
    if (options_.watch) options_.watch("weighing groups of channels", g + 1, groups_.groups.size());
    if (options_.progress) {
      std::fprintf(stderr, "  %-28s %4lld:", choice.name.c_str(), static_cast<long long>(choice.channels));
      for (size_t i = 0; i < choice.keep.size(); ++i)
        std::fprintf(stderr, " %lld %.4f", static_cast<long long>(choice.keep[i]), choice.loss[i]);
      std::fprintf(stderr, "\n");
    }
    choices_.push_back(std::move(choice));
    return {};
  }));
  return &choices_;
}

Result<GroupChoices> Pruner::choices_of(size_t g, const Moments& moments) {
  std::vector<int64_t> all;
  for (const Group& group : groups_.groups) all.push_back(static_cast<int64_t>(group.channels.size()));
  GroupChoices choice;
  choice.name = groups_.groups[g].name;
  choice.channels = all[g];
  const auto most = scarce_ && whole_[g] ? 0 : static_cast<int64_t>(orders_[g].order.size());
  for (int64_t keep : keep_counts(all[g], most, scarce_ ? 16 : 8)) {
    std::vector<int64_t> counts = all;
    counts[g] = keep;
    const auto set = removed(counts);
    if (keep < all[g] && static_cast<int64_t>(set.size()) != all[g] - keep) continue;  // an axis would be empty
    const uint64_t macs_now = macs(counts);
    if (keep < all[g] && macs_now >= choice.macs.back()) continue;
    NBL_TRY(PrunedGraph pruned, options_.compensate && !scarce_ ? prune_with_moments(original_, set, moments)
                                                                : prune_plainly(original_, set));
    double loss = orders_[g].loss[static_cast<size_t>(all[g] - keep)];
    if (keep < all[g] && !scarce_) {
      NBL_TRY(loss, divergence_->of(pruned.graph));
    }
    uint64_t bytes = 0;
    for (const Node& node : pruned.graph.nodes) {
      for (TensorId id : node.inputs) {
        if (id != kNoTensor && pruned.graph.tensor(id).is_constant())
          bytes += pruned.graph.tensor(id).constant->bytes.size();
      }
    }
    choice.keep.push_back(keep);
    choice.loss.push_back(loss);
    choice.macs.push_back(macs_now);
    choice.bytes.push_back(bytes);
  }
  return choice;
}

Result<std::vector<int64_t>> Pruner::choose(uint64_t target) {
  NBL_CHECK(choices());
  std::vector<size_t> level(choices_.size(), 0);
  std::vector<int64_t> keep;
  for (const GroupChoices& choice : choices_) keep.push_back(choice.channels);
  uint64_t now = macs_;
  while (now > target) {
    // The step of one group, over any number of levels, that loses least per multiply-add; of those that reach the
    // target the one that loses least.
    double best = std::numeric_limits<double>::infinity();
    size_t group = choices_.size(), to = 0;
    for (size_t g = 0; g < choices_.size(); ++g) {
      const GroupChoices& choice = choices_[g];
      for (size_t l = level[g] + 1; l < choice.keep.size(); ++l) {
        std::vector<int64_t> next = keep;
        next[g] = choice.keep[l];
        const uint64_t macs_next = macs(next);
        if (macs_next >= now) continue;
        const double loss = std::max(choice.loss[l] - choice.loss[level[g]], 1e-12);
        const uint64_t useful = now - std::max(macs_next, target);  // nothing is gained beyond the target
        const double price = loss / static_cast<double>(useful);
        if (!(price < best)) continue;
        best = price;
        group = g;
        to = l;
      }
    }
    if (group == choices_.size()) return keep;
    level[group] = to;
    keep[group] = choices_[group].keep[to];
    now = macs(keep);
  }
  give_back(target, level, keep);
  return keep;
}

void Pruner::give_back(uint64_t target, std::vector<size_t>& level, std::vector<int64_t>& keep) const {
  for (;;) {
    double most = 0.0;
    size_t group = choices_.size(), to = 0;
    for (size_t g = 0; g < choices_.size(); ++g) {
      const GroupChoices& choice = choices_[g];
      for (size_t l = 0; l < level[g]; ++l) {
        const double gained = choice.loss[level[g]] - choice.loss[l];
        if (!(gained > most)) continue;
        std::vector<int64_t> next = keep;
        next[g] = choice.keep[l];
        if (macs(next) > target) continue;
        most = gained;
        group = g;
        to = l;
      }
    }
    if (group == choices_.size()) return;
    level[group] = to;
    keep[group] = choices_[group].keep[to];
  }
}

Result<Graph> Pruner::prune_to(const std::vector<int64_t>& keep, PruneReport& report) {
  if (keep.size() != groups_.groups.size()) {
    return Error{Code::invalid_argument,
                 format("expected %zu numbers of channels, found %zu", groups_.groups.size(), keep.size())};
  }
  NBL_CHECK(order_channels());
  return without(removed(keep), report);
}

Result<Graph> Pruner::repeat(const std::vector<KeptChannels>& kept, PruneReport& report) {
  std::vector<const Channel*> channels;
  if (kept.size() != groups_.groups.size()) {
    return Error{Code::invalid_argument,
                 format("%zu groups of channels are given, the network has %zu", kept.size(), groups_.groups.size())};
  }
  for (size_t g = 0; g < kept.size(); ++g) {
    const Group& group = groups_.groups[g];
    std::vector<bool> stays(group.channels.size(), false);
    bool fits = kept[g].group == group.name && kept[g].channels == static_cast<int64_t>(group.channels.size());
    for (int64_t c : kept[g].keep) {
      fits = fits && c >= 0 && c < kept[g].channels;
      if (fits) stays[static_cast<size_t>(c)] = true;
    }
    if (!fits) {
      return Error{Code::invalid_argument,
                   format("channels of '%s' (%lld) are given where the network has '%s' (%zu)", kept[g].group.c_str(),
                          static_cast<long long>(kept[g].channels), group.name.c_str(), group.channels.size())};
    }
    for (size_t c = 0; c < stays.size(); ++c) {
      if (!stays[c]) channels.push_back(&group.channels[c]);
    }
  }
  return without(std::move(channels), report);
}

Result<Graph> Pruner::without(std::vector<const Channel*> channels, PruneReport& report) {
  NBL_TRY(PrunedGraph pruned, prune_plainly(original_, std::move(channels)));
  if (options_.compensate) {
    const FitOptions fit{.restore_spread = options_.statistics_correction, .watch = options_.watch};
    NBL_TRY(report.fitted, fit_layers(original_, pruned, samples_, fit));
  }
  report.macs_before = macs_;
  report.macs_after = multiply_adds(pruned.graph);
  NBL_TRY(report.divergence, divergence_->of(pruned.graph));
  report.frozen = groups_.frozen;
  report.kept.clear();
  const std::set<const Channel*> gone(pruned.removed.begin(), pruned.removed.end());
  for (const Group& group : groups_.groups) {
    KeptChannels kept{group.name, static_cast<int64_t>(group.channels.size()), {}};
    for (size_t c = 0; c < group.channels.size(); ++c) {
      if (!gone.contains(&group.channels[c])) kept.keep.push_back(static_cast<int64_t>(c));
    }
    report.kept.push_back(std::move(kept));
  }
  Graph out = std::move(pruned.graph);
  remove_dead(out);
  NBL_CHECK(passes::run(out, {.integer_activations = options_.integer_activations}));
  return out;
}

Result<Graph> prune_to_macs(const Graph& graph, const SampleInputs& samples, double share, const PruneOptions& options,
                            PruneReport& report) {
  if (!(share > 0.0 && share <= 1.0)) {
    return Error{Code::invalid_argument, format("share of the multiply-adds: expected 0 to 1, found %g", share)};
  }
  NBL_TRY(const std::unique_ptr<Pruner> pruner, Pruner::make(graph, samples, options));
  const auto target = static_cast<uint64_t>(share * static_cast<double>(pruner->macs()));
  NBL_TRY(const std::vector<int64_t> keep, pruner->choose(target));
  if (const uint64_t reached = pruner->macs(keep); reached > target) {
    return Error{Code::invalid_argument,
                 format("at most %llu multiply-adds were asked for; pruning reaches %llu of %llu",
                        static_cast<unsigned long long>(target), static_cast<unsigned long long>(reached),
                        static_cast<unsigned long long>(pruner->macs()))};
  }
  return pruner->prune_to(keep, report);
}

}  // namespace nibble::prune
