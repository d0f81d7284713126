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

// Names that a node reads, those of the graphs within it too.
void add_inputs(const ::onnx::NodeProto& node, std::set<std::string>& out, int depth) {
  out.insert(node.input().begin(), node.input().end());
  for (const auto& attribute : node.attribute()) {
    if (!attribute.has_g() || depth >= kMaxDepth) continue;
    for (const auto& inner : attribute.g().node()) add_inputs(inner, out, depth + 1);
    for (const auto& output : attribute.g().output()) out.insert(output.name());
  }
}

}  // namespace

bool has_tensors(const Model& model, const std::vector<std::string>& names) {
  const std::set<std::string> made = made_names(model.proto->graph());
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return made.contains(name); });
}

Status end_at(Model& model, const std::vector<std::string>& names) {
  ::onnx::GraphProto& graph = *model.proto->mutable_graph();
  const std::set<std::string> made = made_names(graph);
  for (const std::string& name : names) {
    if (!name.empty() && made.contains(name)) continue;
    std::string own;
    for (const auto& output : graph.output()) own += (own.empty() ? "'" : ", '") + output.name() + "'";
    return Error{Code::invalid_argument, "no node makes a tensor '" + name + "'; the network's outputs are " + own};
  }
  graph.clear_output();
  for (const std::string& name : names) graph.add_output()->set_name(name);
  return {};
}

std::vector<bool> needed_nodes(const ::onnx::GraphProto& graph) {
  std::set<std::string> wanted;
  for (const auto& output : graph.output()) wanted.insert(output.name());
  std::vector<bool> needed(static_cast<size_t>(graph.node_size()));
  for (int i = graph.node_size(); i-- > 0;) {
    const auto& outputs = graph.node(i).output();
    if (std::none_of(outputs.begin(), outputs.end(), [&](const std::string& o) { return wanted.contains(o); }))
      continue;
    needed[static_cast<size_t>(i)] = true;
    add_inputs(graph.node(i), wanted, 0);
  }
  return needed;
}

}  // namespace nibble::onnx_import
