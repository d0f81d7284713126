#include "converter/prune/blocks.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

constexpr size_t kInfluenceSamples = 64;

// By tensor: whether the network's inputs decide it.
std::vector<bool> computed_tensors(const Graph& graph) {
  std::vector<bool> out(graph.tensors.size(), false);
  for (TensorId id : graph.inputs) out[static_cast<size_t>(id)] = true;
  for (const Node& node : graph.nodes) {
    const bool computed = std::any_of(node.inputs.begin(), node.inputs.end(),
                                      [&](TensorId id) { return id != kNoTensor && out[static_cast<size_t>(id)]; });
    for (TensorId id : node.outputs) out[static_cast<size_t>(id)] = computed;
  }
  return out;
}

// 1 - mean cosine over positions, channels along axis 1 (or the last of two axes).
double mean_distance(const Shape& shape, std::span<const float> a, std::span<const float> b) {
  const int64_t outer = shape[0].value(), channels = shape.size() > 1 ? shape[1].value() : 1;
  const int64_t inner = static_cast<int64_t>(a.size()) / std::max<int64_t>(1, outer * channels);
  double sum = 0.0;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      double ab = 0.0, aa = 0.0, bb = 0.0;
      for (int64_t c = 0; c < channels; ++c) {
        const auto at = static_cast<size_t>((o * channels + c) * inner + i);
        const auto x = static_cast<double>(a[at]), y = static_cast<double>(b[at]);
        ab += x * y, aa += x * x, bb += y * y;
      }
      sum += aa > 0.0 && bb > 0.0 ? 1.0 - ab / std::sqrt(aa * bb) : aa == bb ? 0.0 : 1.0;
    }
  }
  return sum / static_cast<double>(std::max<int64_t>(1, outer * inner));
}

}  // namespace

std::vector<Block> find_blocks(const Graph& graph) {
  std::vector<Block> out;
  const std::vector<bool> computed = computed_tensors(graph), all = needed_nodes(graph);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const auto* add = op_if<Binary>(node);
    if (!all[n] || !add || add->kind != BinaryKind::add || add->activation != Activation{} ||
        node.inputs[0] == node.inputs[1])
      continue;
    const Shape& shape = graph.desc(node.outputs[0]).shape;
    Block best;
    for (size_t body = 0; body < 2; ++body) {
      const TensorId stays = node.inputs[1 - body], goes = node.inputs[body];
      if (!computed[static_cast<size_t>(stays)] || !computed[static_cast<size_t>(goes)]) continue;
      if (!(graph.desc(stays).shape == shape) || graph.desc(stays).type != graph.desc(node.outputs[0]).type) continue;
      const std::vector<bool> left = needed_nodes(graph, static_cast<NodeId>(n), 1 - body);
      uint64_t saved = 0;
      for (size_t m = 0; m < graph.nodes.size(); ++m) {
        if (all[m] && !left[m]) saved += multiply_adds(graph, graph.nodes[m]);
      }
      if (saved > best.multiply_adds) best = {node.name, static_cast<NodeId>(n), body, saved, 1.0};
    }
    const bool taken = std::any_of(out.begin(), out.end(), [&](const Block& b) { return b.add == best.add; });
    if (best.multiply_adds > 0 && !taken) out.push_back(best);
  }
  return out;
}

Status block_influence(const Graph& graph, const SampleInputs& samples, std::vector<Block>& blocks) {
  const size_t count = std::min(samples.count, kInfluenceSamples);
  if (blocks.empty() || count == 0) return {};
  std::vector<TensorId> wanted;
  for (const Block& block : blocks) {
    const Node& node = graph.nodes[static_cast<size_t>(block.node)];
    wanted.push_back(node.inputs[1 - block.body]);
    wanted.push_back(node.outputs[0]);
  }
  PartialRuns runs(graph, samples, wanted);
  std::vector<double> sums(blocks.size(), 0.0);
  for (size_t i = 0; i < count; ++i) {
    NBL_TRY(const auto values, runs.run(i * samples.count / count));
    for (size_t b = 0; b < blocks.size(); ++b)
      sums[b] += mean_distance(runs.bound().desc(wanted[2 * b]).shape, values[2 * b], values[2 * b + 1]);
  }
  for (size_t b = 0; b < blocks.size(); ++b) blocks[b].influence = sums[b] / static_cast<double>(count);
  return {};
}

Result<PrunedGraph> cut_blocks(const Graph& graph, const std::vector<std::string>& adds) {
  PrunedGraph out{graph, {}, {}};
  for (const std::string& name : adds) {
    // Again for each: what is left of a branch may have become another's only one.
    const std::vector<Block> blocks = find_blocks(out.graph);
    const auto block = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return b.add == name; });
    if (block == blocks.end()) {
      return Error{Code::invalid_argument,
                   "'" + name + "' is not a sum that a residual branch could be taken from (removed blocks)"};
    }
    Node& node = out.graph.nodes[static_cast<size_t>(block->node)];
    node.inputs = {node.inputs[1 - block->body]};
    Unary identity;
    identity.kind = UnaryKind::identity;
    node.op = std::make_shared<const Op>(Op(identity));
    out.cut.push_back(block->node);
  }
  return out;
}

Result<Graph> remove_blocks(const Graph& graph, const std::vector<std::string>& adds, const SampleInputs& samples,
                            bool compensate, const Watch& watch) {
  NBL_TRY(PrunedGraph cut, cut_blocks(graph, adds));
  if (compensate) NBL_CHECK(fit_layers(graph, cut, samples, {.watch = watch}));
  remove_dead(cut.graph);
  return std::move(cut.graph);
}

}  // namespace nibble::prune
