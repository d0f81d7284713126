#include "converter/recover/blocks.h"

#include <set>

#include "converter/recover/layer.h"
#include "ops/op.h"

namespace nibble::recover {
namespace {

// The last node that reads each tensor; the number of nodes for `ends`, -1 for constants and what nobody reads.
std::vector<NodeId> last_readers(const Graph& graph, const std::vector<TensorId>& ends) {
  std::vector<NodeId> out(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const TensorId id : graph.nodes[i].inputs) {
      if (id != kNoTensor && !graph.tensor(id).is_constant()) out[static_cast<size_t>(id)] = static_cast<NodeId>(i);
    }
  }
  for (const TensorId end : ends) out[static_cast<size_t>(end)] = static_cast<NodeId>(graph.nodes.size());
  return out;
}

}  // namespace

std::vector<TensorId> compared_outputs(const Graph& graph) {
  const std::vector<NodeId> made_by = producers(graph);
  std::vector<TensorId> out;
  for (const TensorId output : graph.outputs) {
    const NodeId node = made_by[static_cast<size_t>(output)];
    const bool softmax = node >= 0 && op_if<Softmax>(graph.nodes[static_cast<size_t>(node)]);
    out.push_back(softmax ? graph.nodes[static_cast<size_t>(node)].inputs[0] : output);
  }
  return out;
}

std::vector<Block> smallest_blocks(const Graph& graph) {
  std::vector<Block> out;
  if (graph.inputs.size() != 1 || graph.outputs.empty()) return out;
  const std::vector<TensorId> ends = compared_outputs(graph);
  const std::vector<NodeId> last = last_readers(graph, ends);
  std::set<TensorId> live{graph.inputs[0]};
  Block block;
  block.input = graph.inputs[0];
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    block.nodes.push_back(static_cast<NodeId>(i));
    block.weighted_layers += is_weighted(node) ? 1 : 0;
    for (const TensorId id : node.outputs) {
      if (last[static_cast<size_t>(id)] >= 0) live.insert(id);
    }
    std::erase_if(live, [&](TensorId id) { return last[static_cast<size_t>(id)] <= static_cast<NodeId>(i); });
    if (live.size() != 1 || *live.begin() == block.input) continue;
    block.output = *live.begin();
    out.push_back(block);
    if (block.output == ends[0]) break;
    block = {};
    block.input = out.back().output;
  }
  return out;
}

std::vector<Block> join_blocks(const std::vector<Block>& blocks, size_t weighted_layers,
                               const std::function<bool(TensorId)>& usable) {
  std::vector<Block> out;
  Block joined;
  const auto append = [](Block& to, const Block& block) {
    if (to.input == kNoTensor) to.input = block.input;
    to.nodes.insert(to.nodes.end(), block.nodes.begin(), block.nodes.end());
    to.output = block.output;
    to.weighted_layers += block.weighted_layers;
  };
  for (const Block& block : blocks) {
    append(joined, block);
    if (joined.weighted_layers < weighted_layers || !usable(joined.output)) continue;
    out.push_back(joined);
    joined = {};
  }
  if (joined.nodes.empty() || !usable(joined.output)) return out;
  if (out.empty()) {
    out.push_back(joined);
  } else {
    append(out.back(), joined);
  }
  return out;
}

std::optional<Block> whole_network(const Graph& graph) {
  if (graph.outputs.size() != 1) return std::nullopt;
  const TensorId end = compared_outputs(graph)[0];
  const std::vector<Block> blocks = smallest_blocks(graph);
  if (blocks.empty() || blocks.back().output != end) return std::nullopt;
  return join_blocks(blocks, 0, [&](TensorId id) { return id == end; })[0];
}

}  // namespace nibble::recover
