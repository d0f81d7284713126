#include "converter/prune/dead_channels.h"

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "converter/passes/rewrite.h"
#include "converter/prune/axis_groups.h"
#include "converter/prune/channel_values.h"
#include "converter/prune/readers.h"
#include "converter/prune/remove_channels.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

bool sees_padding(const Node& node) {
  if (op_if<ConvTranspose2d>(node)) return true;  // taps differ from place to place
  const auto* conv = op_if<Conv2d>(node);
  return conv && (conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right);
}

// What a constant channel adds to each output of the layer that reads it.
using Folded = std::map<NodeId, std::vector<double>>;  // by node, then output channel

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), values_(channel_values(graph)), consumers_(consumers(graph)) {
    for (const Node& node : graph.nodes) {
      const bool layer = is_weight_layer(graph, node);
      tiny_.push_back(layer ? negligible_weight(*weights_of(node)) : 0.0);
    }
  }

  // The constants to fold where the channel is dead, nothing where it is alive.
  std::optional<Folded> dead(const Channel& channel) const {
    const Readers readers = readers_of(graph_, consumers_, channel);
    if (readers.others) return std::nullopt;
    Folded out;
    for (const Column& column : readers.columns) {
      if (!fold(column, out)) return std::nullopt;
    }
    return out;
  }

 private:
  std::optional<std::span<const float>> weights_of(const Node& node) const {
    return passes::constant_floats(graph_, node.inputs[conv_input::weights]);
  }

  bool fold(const Column& column, Folded& out) const {
    const Node& node = graph_.nodes[static_cast<size_t>(column.node)];
    const WeightShape shape = weight_shape(graph_, node);
    const auto w = *weights_of(node);
    std::vector<double> sums(static_cast<size_t>(shape.outputs), 0.0);
    bool read = false;
    const int64_t first = column.group * shape.outputs_a_group();
    for (int64_t o = first; o < first + shape.outputs_a_group(); ++o) {
      for (int64_t k = 0; k < shape.taps; ++k) {
        const auto v = static_cast<double>(w[static_cast<size_t>((o * shape.inputs + column.column) * shape.taps + k)]);
        read = read || std::abs(v) > tiny_[static_cast<size_t>(column.node)];
        sums[static_cast<size_t>(o)] += v;
      }
    }
    if (!read) return true;
    const auto& values = values_[static_cast<size_t>(node.inputs[conv_input::x])];
    const bool along_axis_1 = !op_if<Linear>(node) || graph_.desc(node.inputs[conv_input::x]).shape.size() == 2;
    if (!along_axis_1 || static_cast<size_t>(column.index) >= values.size()) return false;
    const Interval value = values[static_cast<size_t>(column.index)];
    if (!value.constant() || !std::isfinite(value.low) || (value.low != 0.0 && sees_padding(node))) return false;
    auto& all = out[column.node];
    all.resize(sums.size(), 0.0);
    for (size_t o = 0; o < sums.size(); ++o) all[o] += sums[o] * value.low;
    return true;
  }

  const Graph& graph_;
  ChannelValues values_;
  std::vector<std::vector<NodeId>> consumers_;
  std::vector<double> tiny_;  // by node
};

void add_to_bias(Graph& graph, Node& node, const std::vector<double>& sums) {
  node.inputs.resize(std::max(node.inputs.size(), conv_input::bias + 1), kNoTensor);
  std::vector<float> bias(sums.size(), 0.0f);
  TensorDesc desc{"", DType::f32, {static_cast<int64_t>(sums.size())}, {}, Packing::plain};
  if (const TensorId id = node.inputs[conv_input::bias]; id != kNoTensor) {
    const auto before = *passes::constant_floats(graph, id);
    bias.assign(before.begin(), before.end());
    desc = graph.desc(id);
  }
  for (size_t o = 0; o < sums.size(); ++o) bias[o] = static_cast<float>(static_cast<double>(bias[o]) + sums[o]);
  node.inputs[conv_input::bias] = graph.add_constant(std::move(desc), ConstantData::of(bias));
}

void note_kept(DeadChannels& out, const std::vector<const Channel*>& gone) {
  std::map<TensorId, std::set<int64_t>> indices;
  for (const Channel* channel : gone) {
    for (const Position& p : channel->positions) {
      if (p.axis == 1 && !out.graph.tensor(p.tensor).is_constant()) indices[p.tensor].insert(p.index);
    }
  }
  for (const auto& [tensor, removed] : indices) {
    const TensorDesc& desc = out.graph.desc(tensor);
    if (!desc.shape[1].is_const()) continue;
    std::vector<int64_t>& kept = out.kept[desc.name];
    if (kept.empty()) {
      kept.resize(static_cast<size_t>(desc.shape[1].value()));
      std::iota(kept.begin(), kept.end(), int64_t{0});
    }
    for (auto at = removed.rbegin(); at != removed.rend(); ++at) kept.erase(kept.begin() + *at);
  }
}

// One round; false where nothing was found.
Result<bool> remove_once(DeadChannels& out) {
  Graph& graph = out.graph;
  const Finder finder(graph);
  const AxisGroups groups = find_axis_groups(graph);
  RemovalSet set(graph);
  Folded folded;
  for (const Group& group : groups.groups) {
    int64_t removed = 0;
    for (const Channel& channel : group.channels) {
      const auto found = finder.dead(channel);
      if (!found || !set.add(channel)) continue;
      ++removed;
      for (const auto& [node, sums] : *found) {
        auto& all = folded[node];
        all.resize(sums.size(), 0.0);
        for (size_t o = 0; o < sums.size(); ++o) all[o] += sums[o];
      }
    }
    if (removed == 0) continue;
    out.removed += removed;
    out.counts.push_back({group.name, removed, static_cast<int64_t>(group.channels.size())});
  }
  if (set.channels().empty()) return false;
  note_kept(out, set.channels());
  if (folded.empty()) {
    NBL_TRY(graph, remove_channels(graph, set.channels()));
    return true;
  }
  // The new bias belongs to the same axis as the old one: find its channels again.
  Graph with_bias = graph;
  for (const auto& [node, sums] : folded) add_to_bias(with_bias, with_bias.nodes[static_cast<size_t>(node)], sums);
  std::map<Position, bool> gone;
  for (const Channel* channel : set.channels()) {
    for (const Position& p : channel->positions) gone[p] = true;
  }
  const AxisGroups again = find_axis_groups(with_bias);
  std::vector<const Channel*> channels;
  for (const Group& group : again.groups) {
    for (const Channel& channel : group.channels) {
      for (const Position& p : channel.positions) {
        if (!gone.contains(p)) continue;
        channels.push_back(&channel);
        break;
      }
    }
  }
  NBL_TRY(graph, remove_channels(with_bias, channels));
  remove_dead(graph);
  return true;
}

}  // namespace

Result<DeadChannels> remove_dead_channels(const Graph& graph) {
  DeadChannels out;
  out.graph = graph;
  for (bool found = true; found;) {
    NBL_TRY(found, remove_once(out));
  }
  return out;
}

}  // namespace nibble::prune
