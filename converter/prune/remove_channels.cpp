#include "converter/prune/remove_channels.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

using AxisKey = std::pair<TensorId, int32_t>;
using Removed = std::map<AxisKey, std::vector<int64_t>>;  // sorted indices

Removed collect(const std::vector<const Channel*>& channels) {
  Removed out;
  for (const Channel* channel : channels) {
    for (const Position& p : channel->positions) out[{p.tensor, p.axis}].push_back(p.index);
  }
  for (auto& [axis, indices] : out) {
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  }
  return out;
}

Status check(const Graph& graph, const Removed& removed) {
  for (const auto& [axis, indices] : removed) {
    const auto [id, a] = axis;
    const bool there = id >= 0 && static_cast<size_t>(id) < graph.tensors.size() && a >= 0 &&
                       static_cast<size_t>(a) < graph.desc(id).shape.size();
    if (!there) return Error{Code::invalid_argument, format("tensor %d has no axis %d to prune", id, a)};
    const TensorDesc& desc = graph.desc(id);
    const Dim& size = desc.shape[static_cast<size_t>(a)];
    const auto count = static_cast<int64_t>(indices.size());
    if (size.is_const() && indices.front() >= 0 && indices.back() < size.value() && count < size.value()) continue;
    return Error{Code::invalid_argument,
                 format("tensor '%s' of shape %s: %lld indices of axis %d cannot be removed", desc.name.c_str(),
                        to_string(desc.shape).c_str(), static_cast<long long>(count), a)};
  }
  return {};
}

// Bytes of a row-major tensor as [outer, length of the axis, inner].
struct AxisBytes {
  size_t outer = 1, length = 1, inner = 1;
};

Result<AxisBytes> axis_bytes(const Tensor& tensor, const std::vector<int64_t>& shape, size_t axis) {
  const bool whole_bytes = !is_nibbles(tensor.desc.type) && tensor.desc.packing == Packing::plain;
  AxisBytes out;
  for (size_t i = 0; i < shape.size(); ++i) {
    size_t& part = i < axis ? out.outer : i == axis ? out.length : out.inner;
    part *= static_cast<size_t>(shape[i]);
  }
  const size_t count = out.outer * out.length * out.inner;
  if (!whole_bytes || count == 0 || tensor.constant->bytes.size() % count != 0) {
    return Error{Code::invalid_argument, format("constant '%s' of type %s is packed and cannot be pruned",
                                                tensor.desc.name.c_str(), to_string(tensor.desc.type))};
  }
  out.inner *= tensor.constant->bytes.size() / count;
  return out;
}

Status slice_constant(Tensor& tensor, size_t axis, const std::vector<int64_t>& removed) {
  NBL_TRY(const AxisBytes at, axis_bytes(tensor, values(tensor.desc.shape), axis));
  std::vector<bool> keep(at.length, true);
  for (int64_t i : removed) keep[static_cast<size_t>(i)] = false;
  std::vector<std::byte> bytes;
  bytes.reserve(tensor.constant->bytes.size());
  for (size_t o = 0; o < at.outer; ++o) {
    for (size_t i = 0; i < at.length; ++i) {
      if (!keep[i]) continue;
      const auto* first = tensor.constant->bytes.data() + (o * at.length + i) * at.inner;
      bytes.insert(bytes.end(), first, first + at.inner);
    }
  }
  tensor.constant = ConstantData::own(std::move(bytes));
  tensor.desc.shape[axis] = static_cast<int64_t>(at.length - removed.size());
  return {};
}

Status zero_constant(Tensor& tensor, size_t axis, const std::vector<int64_t>& removed) {
  NBL_TRY(const AxisBytes at, axis_bytes(tensor, values(tensor.desc.shape), axis));
  std::vector<std::byte> bytes(tensor.constant->bytes.begin(), tensor.constant->bytes.end());
  for (size_t o = 0; o < at.outer; ++o) {
    for (int64_t i : removed) std::memset(&bytes[(o * at.length + static_cast<size_t>(i)) * at.inner], 0, at.inner);
  }
  tensor.constant = ConstantData::own(std::move(bytes));
  return {};
}

// Scales that a network brought along, one per index of an axis.
void slice_scales(TensorDesc& desc, int32_t axis, const std::vector<int64_t>& removed) {
  if (desc.quant.kind != Quant::Kind::per_channel || desc.quant.axis != axis) return;
  for (size_t i = removed.size(); i-- > 0;) {
    const auto at = static_cast<size_t>(removed[i]);
    if (at < desc.quant.scales.size()) desc.quant.scales.erase(desc.quant.scales.begin() + removed[i]);
  }
}

// How many of `removed` lie in [first, last).
int64_t count_in(const std::vector<int64_t>* removed, int64_t first, int64_t last) {
  if (!removed) return 0;
  return std::lower_bound(removed->begin(), removed->end(), last) -
         std::lower_bound(removed->begin(), removed->end(), first);
}

// Attributes that repeat sizes of axes.
struct FixAttributes {
  const Node& node;
  const Removed& removed;

  const std::vector<int64_t>* at(TensorId id, size_t axis) const {
    const auto found = removed.find({id, static_cast<int32_t>(axis)});
    return found == removed.end() ? nullptr : &found->second;
  }
  int64_t lost(TensorId id, size_t axis) const {
    const auto* indices = at(id, axis);
    return indices ? static_cast<int64_t>(indices->size()) : 0;
  }
  void shrink(Shape& shape) const {
    for (size_t i = 0; i < shape.size(); ++i) shape[i] -= lost(node.outputs[0], i);
  }

  void operator()(Reshape& op) const { shrink(op.shape); }
  void operator()(Expand& op) const { shrink(op.shape); }
  void operator()(Slice& op) const {
    shrink(op.sizes);
    for (size_t i = 0; i < op.starts.size(); ++i) {
      if (op.starts[i].is_const()) op.starts[i] -= count_in(at(node.inputs[0], i), 0, op.starts[i].value());
    }
  }
  void operator()(Pad& op) const {
    for (size_t i = 0; i < op.begins.size(); ++i) {
      const int64_t begin = op.begins[i];
      op.begins[i] -= count_in(at(node.outputs[0], i), 0, begin);
      const int64_t end = lost(node.outputs[0], i) - lost(node.inputs[0], i) - (begin - op.begins[i]);
      op.ends[i] -= end;
    }
  }
  template <class Conv>
  void fix_groups(Conv& op, int64_t inputs_a_group) const {
    if (op.groups > 1 && inputs_a_group == 1) op.groups -= static_cast<int32_t>(lost(node.inputs[0], 1));
  }
  template <class T>
  void operator()(T&) const {}
};

}  // namespace

Result<Graph> remove_channels(const Graph& graph, const std::vector<const Channel*>& channels) {
  const Removed removed = collect(channels);
  NBL_CHECK(check(graph, removed));
  Graph out = graph;
  for (const auto& [axis, indices] : removed) {
    Tensor& tensor = out.tensor(axis.first);
    slice_scales(tensor.desc, axis.second, indices);
    if (tensor.is_constant()) NBL_CHECK(slice_constant(tensor, static_cast<size_t>(axis.second), indices));
  }
  for (Node& node : out.nodes) {
    Op op = *node.op;
    const FixAttributes fix{node, removed};
    std::visit(fix, op.value);
    const int64_t inputs_a_group = node.inputs.size() > 1 && node.inputs[1] != kNoTensor &&
                                           graph.desc(node.inputs[1]).shape.size() > 1 &&
                                           graph.desc(node.inputs[1]).shape[1].is_const()
                                       ? graph.desc(node.inputs[1]).shape[1].value()
                                       : 0;
    if (auto* conv = std::get_if<Conv2d>(&op.value)) fix.fix_groups(*conv, inputs_a_group);
    if (auto* conv = std::get_if<ConvTranspose2d>(&op.value)) fix.fix_groups(*conv, inputs_a_group);
    node.op = std::make_shared<const Op>(std::move(op));
  }
  NBL_CHECK(reinfer(out));
  // What was inferred must be what the axis maps promised; anything else would be a wrong map.
  for (size_t t = 0; t < out.tensors.size(); ++t) {
    Shape expected = graph.tensors[t].desc.shape;
    for (size_t a = 0; a < expected.size(); ++a) {
      const auto found = removed.find({static_cast<TensorId>(t), static_cast<int32_t>(a)});
      if (found != removed.end()) expected[a] -= static_cast<int64_t>(found->second.size());
    }
    if (expected == out.tensors[t].desc.shape) continue;
    return Error{Code::internal,
                 format("tensor '%s': pruned to shape %s, inferred %s", out.tensors[t].desc.name.c_str(),
                        to_string(expected).c_str(), to_string(out.tensors[t].desc.shape).c_str())};
  }
  return out;
}

Result<Graph> mask_channels(const Graph& graph, const std::vector<const Channel*>& channels) {
  const Removed removed = collect(channels);
  NBL_CHECK(check(graph, removed));
  Graph out = graph;
  for (const auto& [axis, indices] : removed) {
    Tensor& tensor = out.tensor(axis.first);
    if (tensor.is_constant()) NBL_CHECK(zero_constant(tensor, static_cast<size_t>(axis.second), indices));
  }
  return out;
}

}  // namespace nibble::prune
