// Which part of an ONNX network is wanted: where it ends, and the nodes that are needed for that.
#pragma once

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
// best K) is left out. A name that nothing makes is an error that lists the network's own outputs.
Status end_at(Model& model, const std::vector<std::string>& names);

// For each node whether an output of the graph depends on it.
std::vector<bool> needed_nodes(const ::onnx::GraphProto& graph);

}  // namespace nibble::onnx_import
