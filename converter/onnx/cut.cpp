#include "converter/onnx/cut.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>

#include "core/try.h"

namespace nibble::onnx_import {
namespace {

constexpr int kMaxDepth = 64;  // graphs within nodes

std::set<std::string> made_names(const ::onnx::GraphProto& graph) {
  std::set<std::string> out;
  for (const auto& input : graph.input()) out.insert(input.name());
  for (const auto& node : graph.node()) out.insert(node.output().begin(), node.output().end());
  return out;
}

// The names that the outputs of a graph depend on; a set bit in `needed` for each node that does.
std::set<std::string> wanted_names(const ::onnx::GraphProto& graph, const Branches& untaken, int depth,
                                   std::vector<bool>* needed) {
  std::set<std::string> wanted;
  for (const auto& output : graph.output()) wanted.insert(output.name());
  for (int i = graph.node_size(); i-- > 0;) {
    const auto& node = graph.node(i);
    // An output that nobody asks for has no name.
    if (std::none_of(node.output().begin(), node.output().end(),
                     [&](const std::string& o) { return !o.empty() && wanted.contains(o); }))
      continue;
    if (needed) (*needed)[static_cast<size_t>(i)] = true;
    wanted.insert(node.input().begin(), node.input().end());
    for (const auto& attribute : node.attribute()) {
      if (!attribute.has_g() || depth >= kMaxDepth || untaken.contains(&attribute.g())) continue;
      wanted.merge(wanted_names(attribute.g(), untaken, depth + 1, nullptr));
    }
  }
  return wanted;
}

}  // namespace

bool has_tensors(const Model& model, const std::vector<std::string>& names) {
  const std::set<std::string> made = made_names(model.proto->graph());
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return made.contains(name); });
}

Status end_at(Model& model, const std::vector<std::string>& names) {
  ::onnx::GraphProto& graph = *model.proto->mutable_graph();
  const std::set<std::string> made = made_names(graph);
  std::set<std::string> given;
  for (const std::string& name : names) {
    if (!given.insert(name).second)
      return Error{Code::invalid_argument, "the tensor '" + name + "' is to be an output twice"};
    if (!name.empty() && made.contains(name)) continue;
    std::string own;
    for (const auto& output : graph.output()) own += (own.empty() ? "'" : ", '") + output.name() + "'";
    return Error{Code::invalid_argument, "no node makes a tensor '" + name + "'; the network's outputs are " + own};
  }
  graph.clear_output();
  for (const std::string& name : names) graph.add_output()->set_name(name);
  return {};
}

std::vector<bool> needed_nodes(const ::onnx::GraphProto& graph, const Branches& untaken) {
  std::vector<bool> needed(static_cast<size_t>(graph.node_size()));
  wanted_names(graph, untaken, 0, &needed);
  return needed;
}

}  // namespace nibble::onnx_import
