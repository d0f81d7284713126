// Concats of Slices of one image that take each n-th pixel of it: space turned into depth.
#include <algorithm>
#include <array>
#include <functional>

#include "kernels/fuse.h"
#include "ops/op.h"

namespace nibble {
namespace {

constexpr size_t kImageRank = 4;
constexpr int32_t kChannels = 1;
constexpr size_t kMostParts = 4;      // as shaders/focus.comp writes out
constexpr int64_t kMostChannels = 4;  // of the source: one block

// What a chain of Slices takes of its root.
struct Taken {
  TensorId root = kNoTensor;
  std::array<int64_t, kImageRank> starts{}, steps{1, 1, 1, 1};
  std::vector<NodeId> slices;
};

class FocusFinder {
 public:
  FocusFinder(const Graph& graph, Fusion& fusion)
      : graph_(graph), fusion_(fusion), readers_(consumers(graph)), producers_(producers(graph)) {}

  void find() {
    fusion_.focus_of.assign(graph_.nodes.size(), -1);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) try_at(static_cast<NodeId>(i));
  }

 private:
  template <class T>
  const T* as(NodeId node) const {
    return node < 0 ? nullptr : std::get_if<T>(&graph_.nodes[static_cast<size_t>(node)].op->value);
  }
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }
  std::vector<int64_t> shape(TensorId id) const { return values(graph_.desc(id).shape); }

  // Index i of a slice is start + i * step of what it slices, so that of the whole chain is too.
  Taken follow(TensorId tensor) const {
    Taken taken;
    taken.root = tensor;
    for (;;) {
      const NodeId producer = producers_[static_cast<size_t>(taken.root)];
      const Slice* op = as<Slice>(producer);
      if (!op || fusion_.absorbed[static_cast<size_t>(producer)]) return taken;
      for (size_t i = 0; i < kImageRank; ++i) {
        taken.starts[i] = op->starts[i].value() + taken.starts[i] * op->steps[i];
        taken.steps[i] *= op->steps[i];
      }
      taken.slices.push_back(producer);
      taken.root = node(producer).inputs[0];
    }
  }

  bool takes_pixels(const Taken& taken, const std::vector<int64_t>& part) const {
    const std::vector<int64_t> whole = shape(taken.root);
    const bool all_of_the_rest = part[0] == whole[0] && part[kChannels] == whole[kChannels] && taken.starts[0] == 0 &&
                                 taken.starts[kChannels] == 0 && taken.steps[0] == 1 && taken.steps[kChannels] == 1;
    return !taken.slices.empty() && all_of_the_rest && taken.steps[2] > 0 && taken.steps[3] > 0;
  }

  void try_at(NodeId id) {
    const Concat* op = as<Concat>(id);
    if (!op || op->axis != kChannels || fusion_.absorbed[static_cast<size_t>(id)]) return;
    const std::vector<TensorId>& inputs = node(id).inputs;
    if (inputs.size() < 2 || inputs.size() > kMostParts) return;
    const std::vector<int64_t> part = shape(inputs[0]);
    if (part.size() != kImageRank || part[kChannels] > kMostChannels) return;
    Focus focus;
    std::vector<NodeId> slices;
    for (const TensorId input : inputs) {
      const Taken taken = follow(input);
      if (shape(input) != part || !takes_pixels(taken, part)) return;
      if (focus.source != kNoTensor &&
          (focus.source != taken.root || focus.step.y != taken.steps[2] || focus.step.x != taken.steps[3])) {
        return;
      }
      focus.source = taken.root;
      focus.step = {taken.steps[2], taken.steps[3]};
      focus.firsts.push_back({taken.starts[2], taken.starts[3]});
      slices.insert(slices.end(), taken.slices.begin(), taken.slices.end());
    }
    if (graph_.tensor(focus.source).is_constant()) return;
    focus.output = node(id).outputs[0];
    fusion_.focus_of[static_cast<size_t>(id)] = static_cast<int32_t>(fusion_.focuses.size());
    fusion_.focuses.push_back(std::move(focus));
    absorb(std::move(slices), id);
  }

  // Slices that nothing else reads; readers have higher numbers than what they read.
  void absorb(std::vector<NodeId> slices, NodeId concat) {
    std::sort(slices.begin(), slices.end(), std::greater<>());
    for (const NodeId slice : slices) {
      const TensorId y = node(slice).outputs[0];
      const std::vector<NodeId>& readers = readers_[static_cast<size_t>(y)];
      const bool is_output = std::find(graph_.outputs.begin(), graph_.outputs.end(), y) != graph_.outputs.end();
      const bool needless = std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
        return reader == concat || (as<Slice>(reader) && fusion_.absorbed[static_cast<size_t>(reader)]);
      });
      if (!is_output && needless) fusion_.absorbed[static_cast<size_t>(slice)] = 1;
    }
  }

  const Graph& graph_;
  Fusion& fusion_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<NodeId> producers_;
};

}  // namespace

void find_focuses(const Graph& bound, Fusion& fusion) { FocusFinder(bound, fusion).find(); }

}  // namespace nibble
