#include "converter/prune/axis_groups.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "ops/axis_map.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

constexpr int64_t kLongestAxis = int64_t{1} << 20;  // a longer one is no channel axis and is kept whole

// Union-find over the positions of all tensors.
class Positions {
 public:
  explicit Positions(const Graph& graph) {
    for (const Tensor& tensor : graph.tensors) {
      std::vector<Span> spans;
      for (const Dim& d : tensor.desc.shape) {
        const bool known = d.is_const() && d.value() <= kLongestAxis;
        spans.push_back({size_, known ? d.value() : 1, known});
        size_ += spans.back().length;
      }
      axes_.push_back(std::move(spans));
    }
    parent_.resize(static_cast<size_t>(size_));
    std::iota(parent_.begin(), parent_.end(), 0);
    reason_.assign(parent_.size(), nullptr);
    for (size_t t = 0; t < axes_.size(); ++t) {
      for (size_t a = 0; a < axes_[t].size(); ++a) {
        if (!axes_[t][a].known) freeze(static_cast<TensorId>(t), a, "a free or very long dimension");
      }
    }
  }

  size_t axes(TensorId tensor) const { return axes_[static_cast<size_t>(tensor)].size(); }
  int64_t length(TensorId tensor, size_t axis) const { return axes_[static_cast<size_t>(tensor)][axis].length; }

  int64_t root(int64_t at) {
    while (parent_[static_cast<size_t>(at)] != at) {
      auto& up = parent_[static_cast<size_t>(at)];
      up = parent_[static_cast<size_t>(up)];
      at = up;
    }
    return at;
  }
  int64_t root(TensorId tensor, size_t axis, int64_t index) { return root(at(tensor, axis, index)); }
  const char* reason(int64_t root) const { return reason_[static_cast<size_t>(root)]; }

  void tie(TensorId a, size_t axis_a, int64_t i, TensorId b, size_t axis_b, int64_t k) {
    const int64_t x = root(at(a, axis_a, i)), y = root(at(b, axis_b, k));
    if (x == y) return;
    const auto first = static_cast<size_t>(std::min(x, y)), second = static_cast<size_t>(std::max(x, y));
    parent_[second] = static_cast<int64_t>(first);
    if (!reason_[first]) reason_[first] = reason_[second];
  }
  void freeze(TensorId tensor, size_t axis, const char* reason) {
    for (int64_t i = 0; i < length(tensor, axis); ++i) {
      const auto r = static_cast<size_t>(root(at(tensor, axis, i)));
      if (!reason_[r]) reason_[r] = reason;
    }
  }

 private:
  struct Span {
    int64_t first, length;
    bool known;
  };
  int64_t at(TensorId tensor, size_t axis, int64_t index) const {
    const Span& span = axes_[static_cast<size_t>(tensor)][axis];
    return span.first + (span.known ? index : 0);  // an axis of unknown length is one element
  }

  int64_t size_ = 0;
  std::vector<std::vector<Span>> axes_;
  std::vector<int64_t> parent_;
  std::vector<const char*> reason_;
};

TensorId tensor_of(const Node& node, const AxisEnd& end) {
  return end.output ? node.outputs[static_cast<size_t>(end.slot)] : node.inputs[static_cast<size_t>(end.slot)];
}

void apply_link(Positions& positions, const Node& node, const AxisLink& link) {
  const TensorId a = tensor_of(node, link.a), b = tensor_of(node, link.b);
  if (a == kNoTensor || b == kNoTensor) return;
  const auto axis_a = static_cast<size_t>(link.a.axis), axis_b = static_cast<size_t>(link.b.axis);
  if (link.count == AxisLink::kWholeAxis) {
    const int64_t count = std::max(positions.length(a, axis_a), positions.length(b, axis_b));
    for (int64_t i = 0; i < count; ++i) positions.tie(a, axis_a, i, b, axis_b, i);
    return;
  }
  for (int64_t i = 0; i < link.count; ++i) {
    const int64_t first_a = link.first_a + i * link.run_a, first_b = link.first_b + i * link.run_b;
    for (int64_t k = 0; k < link.run_a; ++k) positions.tie(a, axis_a, first_a + k, b, axis_b, first_b);
    for (int64_t k = 1; k < link.run_b; ++k) positions.tie(a, axis_a, first_a, b, axis_b, first_b + k);
  }
}

void connect(const Graph& graph, Positions& positions, const Node& node) {
  std::vector<const TensorDesc*> descs;
  for (TensorId id : node.inputs) descs.push_back(id == kNoTensor ? nullptr : &graph.desc(id));
  std::vector<TensorDesc> declared;
  for (TensorId id : node.outputs) declared.push_back(graph.desc(id));
  const AxisMap map = axes_node(node, {descs, declared});
  for (const AxisLink& link : map.links) apply_link(positions, node, link);
  for (const FrozenAxis& frozen : map.frozen) {
    const TensorId id = tensor_of(node, frozen.end);
    if (id != kNoTensor) positions.freeze(id, static_cast<size_t>(frozen.end.axis), frozen.reason);
  }
  const auto named = [&](const AxisEnd& end) {
    return std::any_of(map.links.begin(), map.links.end(),
                       [&](const AxisLink& link) { return link.a == end || link.b == end; });
  };
  const auto freeze_unnamed = [&](TensorId id, bool output, size_t slot) {
    if (id == kNoTensor) return;
    for (size_t axis = 0; axis < positions.axes(id); ++axis) {
      const AxisEnd end{output, static_cast<int32_t>(slot), static_cast<int32_t>(axis)};
      if (!named(end)) positions.freeze(id, axis, "not a channel axis");
    }
  };
  for (size_t i = 0; i < node.inputs.size(); ++i) freeze_unnamed(node.inputs[i], false, i);
  for (size_t i = 0; i < node.outputs.size(); ++i) freeze_unnamed(node.outputs[i], true, i);
}

// Rows of weights that cannot be removed, a line per node and reason.
std::vector<Frozen> frozen_rows(const Graph& graph, Positions& positions) {
  std::vector<Frozen> out;
  for (const Node& node : graph.nodes) {
    if (node.inputs.size() < 2 || node.inputs[1] == kNoTensor || !graph.tensor(node.inputs[1]).is_constant()) continue;
    if (!op_if<Conv2d>(node) && !op_if<ConvTranspose2d>(node) && !op_if<Linear>(node)) continue;
    std::map<std::string, int64_t> reasons;
    for (int64_t i = 0; i < positions.length(node.inputs[1], 0); ++i) {
      const char* reason = positions.reason(positions.root(node.inputs[1], 0, i));
      if (reason) ++reasons[reason];
    }
    for (const auto& [reason, count] : reasons) out.push_back({node.name, count, reason});
  }
  return out;
}

}  // namespace

AxisGroups find_axis_groups(const Graph& graph) {
  Positions positions(graph);
  for (TensorId id : graph.inputs) {
    for (size_t a = 0; a < positions.axes(id); ++a) positions.freeze(id, a, "an input of the network");
  }
  for (TensorId id : graph.outputs) {
    for (size_t a = 0; a < positions.axes(id); ++a) positions.freeze(id, a, "an output of the network");
  }
  for (const Node& node : graph.nodes) connect(graph, positions, node);

  // Channels in the order of their first position; those without a constant have nothing to remove.
  std::map<int64_t, Channel> channels;
  std::map<int64_t, bool> has_constant;
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const auto id = static_cast<TensorId>(t);
    for (size_t a = 0; a < positions.axes(id); ++a) {
      for (int64_t i = 0; i < positions.length(id, a); ++i) {
        const int64_t root = positions.root(id, a, i);
        if (positions.reason(root)) continue;
        channels[root].positions.push_back({id, static_cast<int32_t>(a), i});
        has_constant[root] = has_constant[root] || graph.tensor(id).is_constant();
      }
    }
  }
  AxisGroups out;
  using Signature = std::vector<std::pair<std::pair<TensorId, int32_t>, int64_t>>;  // axis, positions on it
  std::map<Signature, size_t> known;
  for (auto& [root, channel] : channels) {
    if (!has_constant[root]) continue;
    Signature signature;
    for (const Position& p : channel.positions) {
      const std::pair<TensorId, int32_t> axis{p.tensor, p.axis};
      if (signature.empty() || signature.back().first != axis) signature.push_back({axis, 0});
      ++signature.back().second;
    }
    const auto [at, fresh] = known.emplace(signature, out.groups.size());
    if (fresh) {
      Group group;
      for (const Node& node : graph.nodes) {
        const bool here = std::any_of(node.outputs.begin(), node.outputs.end(), [&](TensorId id) {
          return std::any_of(signature.begin(), signature.end(), [&](const auto& s) { return s.first.first == id; });
        });
        if (!here) continue;
        group.name = node.name;
        break;
      }
      out.groups.push_back(std::move(group));
    }
    out.groups[at->second].channels.push_back(std::move(channel));
  }
  out.frozen = frozen_rows(graph, positions);
  return out;
}

}  // namespace nibble::prune
