#include <set>

#include "converter/passes/pass.h"

namespace nibble::passes {

// ONNX lets several nodes have one name (its own checker accepts it); formats, rounded weights and plans are kept by
// name here. The first keeps its name, the others become "name#2", "name#3" and so on.
bool name_apart(Graph& graph, const Options&) {
  std::set<std::string> taken;
  for (const Node& node : graph.nodes) taken.insert(node.name);
  if (taken.size() == graph.nodes.size()) return false;
  std::set<std::string> seen;
  for (Node& node : graph.nodes) {
    if (seen.insert(node.name).second) continue;
    for (size_t k = 2;; ++k) {
      std::string name = node.name + "#" + std::to_string(k);
      if (!taken.insert(name).second) continue;
      node.name = name;
      seen.insert(std::move(name));
      break;
    }
  }
  return true;
}

}  // namespace nibble::passes
