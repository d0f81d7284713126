// Channel shuffles of two groups: [N, C, ...] as [N, 2, C / 2, ...], the two axes exchanged, as [N, C, ...] again.
// (ShuffleNet V2: Ma et al. 2018, "Practical guidelines for efficient CNN architecture design".)
#include <algorithm>

#include "kernels/fuse.h"
#include "ops/op.h"

namespace nibble {
namespace {

constexpr int32_t kChannels = 1;
constexpr size_t kImageRank = 4;  // blocked by channels from there on, see default_layout()

class ShuffleFinder {
 public:
  ShuffleFinder(const Graph& graph, Fusion& fusion)
      : graph_(graph), fusion_(fusion), readers_(consumers(graph)), producers_(producers(graph)) {}

  void find() {
    fusion_.shuffle_of.assign(graph_.nodes.size(), -1);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) try_at(static_cast<NodeId>(i));
  }

 private:
  template <class T>
  const T* as(NodeId node) const {
    return node < 0 ? nullptr : std::get_if<T>(&this->node(node).op->value);
  }
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }
  std::vector<int64_t> shape(TensorId id) const { return values(graph_.desc(id).shape); }
  const std::vector<NodeId>& readers(TensorId id) const { return readers_[static_cast<size_t>(id)]; }
  bool is_output(TensorId id) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), id) != graph_.outputs.end();
  }
  NodeId only_reader(TensorId id) const {
    return readers(id).size() == 1 && !is_output(id) ? readers(id)[0] : NodeId{-1};
  }

  static bool splits_in_two(const std::vector<int64_t>& whole, const std::vector<int64_t>& split) {
    if (whole.size() < kImageRank || split.size() < kImageRank) return false;
    int64_t after = 1, after_split = 1;
    for (size_t i = 2; i < whole.size(); ++i) after *= whole[i];
    for (size_t i = 3; i < split.size(); ++i) after_split *= split[i];
    return split[0] == whole[0] && split[1] == 2 && split[2] * 2 == whole[1] && after == after_split;
  }

  static bool exchanges_groups(const Transpose& op) {
    for (size_t i = 0; i < op.perm.size(); ++i) {
      const size_t from = i == 1 ? 2 : i == 2 ? 1 : i;
      if (op.perm[i] != static_cast<int64_t>(from)) return false;
    }
    return true;
  }

  // A range of channels and all else.
  bool takes_channels(NodeId id, const std::vector<int64_t>& of) const {
    const Slice* op = as<Slice>(id);
    if (!op) return false;
    const std::vector<int64_t> taken = shape(node(id).outputs[0]);
    for (size_t i = 0; i < of.size(); ++i) {
      if (op->steps[i] != 1) return false;
      if (i != static_cast<size_t>(kChannels) && taken[i] != of[i]) return false;
    }
    return true;
  }

  void try_at(NodeId split) {
    if (!as<Reshape>(split)) return;
    const TensorId x = node(split).inputs[0];
    const TensorId halves = node(split).outputs[0];
    if (graph_.tensor(x).is_constant() || !splits_in_two(shape(x), shape(halves))) return;
    const NodeId exchange = only_reader(halves);
    if (!as<Transpose>(exchange) || !exchanges_groups(*as<Transpose>(exchange))) return;
    const NodeId join = only_reader(node(exchange).outputs[0]);
    if (!as<Reshape>(join) || shape(node(join).outputs[0]) != shape(x)) return;

    ChannelShuffle shuffle;
    shuffle.sources = {x, x};
    shuffle.begins = {0, shape(x)[kChannels] / 2};
    for (const NodeId id : {split, exchange}) fusion_.absorbed[static_cast<size_t>(id)] = 1;
    join_sources(shuffle, split);
    const TensorId y = node(join).outputs[0];
    const auto is_slice = [&](NodeId id) { return takes_channels(id, shape(y)); };
    if (is_output(y) || readers(y).empty() || !std::all_of(readers(y).begin(), readers(y).end(), is_slice)) {
      add(shuffle, join, y, 0);
      return;
    }
    fusion_.absorbed[static_cast<size_t>(join)] = 1;
    for (const NodeId id : readers(y)) add(shuffle, id, node(id).outputs[0], as<Slice>(id)->starts[kChannels].value());
  }

  // The halves need not be joined where a Concat of them is for this alone.
  void join_sources(ChannelShuffle& shuffle, NodeId reader) {
    const TensorId x = shuffle.sources[0];
    const NodeId producer = producers_[static_cast<size_t>(x)];
    const Concat* concat = as<Concat>(producer);
    if (!concat || concat->axis != kChannels || only_reader(x) != reader) return;
    const std::vector<TensorId>& parts = node(producer).inputs;
    if (parts.size() != 2 || shape(parts[0])[kChannels] != shape(parts[1])[kChannels]) return;
    shuffle.sources = {parts[0], parts[1]};
    shuffle.begins = {0, 0};
    fusion_.absorbed[static_cast<size_t>(producer)] = 1;
  }

  void add(ChannelShuffle shuffle, NodeId at, TensorId output, int64_t first) {
    shuffle.output = output;
    shuffle.first = first;
    fusion_.shuffle_of[static_cast<size_t>(at)] = static_cast<int32_t>(fusion_.shuffles.size());
    fusion_.shuffles.push_back(shuffle);
  }

  const Graph& graph_;
  Fusion& fusion_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<NodeId> producers_;
};

}  // namespace

void find_shuffles(const Graph& bound, Fusion& fusion) { ShuffleFinder(bound, fusion).find(); }

}  // namespace nibble
