// Which part of an ONNX network is wanted: where it ends, and the nodes that are needed for that.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "converter/onnx/read.h"

namespace onnx {
class GraphProto;
}  // namespace onnx

namespace nibble::onnx_import {

// Whether nodes or inputs of the network make all of these tensors.
bool has_tensors(const Model& model, const std::vector<std::string>& names);

// Makes these tensors the network's only outputs, in this order: post-processing behind them (suppression of boxes, the
// best K) is left out. A name that nothing makes is an error that lists the network's own outputs; one that is given
// twice is an error too.
Status end_at(Model& model, const std::vector<std::string>& names);

// Graphs within nodes, by where they lie in the model.
using Branches = std::set<const ::onnx::GraphProto*>;

// For each node whether an output of the graph depends on it; `untaken` branches count for nothing.
std::vector<bool> needed_nodes(const ::onnx::GraphProto& graph, const Branches& untaken);

}  // namespace nibble::onnx_import
