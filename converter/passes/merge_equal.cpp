// Nodes with equal operators on equal inputs are computed once.
#include <map>

#include "converter/passes/pass.h"
#include "converter/passes/rewrite.h"
#include "core/text.h"

namespace nibble::passes {
namespace {

// Equal text, equal operator: the dump names every attribute that is not the default.
std::string signature(const Graph& graph, const Node& node) {
  Graph one;
  Node copy = node;
  copy.name.clear();
  copy.outputs.clear();
  one.nodes.push_back(copy);
  std::string out = op_name(node) + dump_text(one);
  for (TensorId id : node.outputs) {
    const TensorDesc& d = graph.desc(id);
    out += format("%s %d %d", to_string(d.type), static_cast<int>(d.quant.kind), d.quant.zero_point);
    for (float s : d.quant.scales) out += format(" %a", static_cast<double>(s));  // every bit counts
  }
  return out;
}

}  // namespace

bool merge_equal(Graph& graph, const Options&) {
  Rewriter rewriter(graph);
  std::map<std::string, const Node*> seen;
  for (Node& node : graph.nodes) {
    if (node.outputs.size() != 1) continue;
    const auto [at, fresh] = seen.emplace(signature(graph, node), &node);
    if (fresh) continue;
    if (!rewriter.replace(node.outputs[0], at->second->outputs[0])) continue;
    rewriter.remove(node);
    return rewriter.finish().has_value();  // inputs of later nodes have changed, so have their signatures
  }
  return false;
}

}  // namespace nibble::passes
