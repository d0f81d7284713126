// ONNX file -> Graph.
#pragma once

#include <string>
#include <vector>

#include "converter/onnx/importer.h"

namespace nibble::onnx_import {

struct Imported {
  Graph graph;                      // whole only when there are no obstacles
  std::vector<Obstacle> obstacles;  // everything that stands in the way, at once
};

// An error means that the file could not be read as ONNX at all. `fixed` gives numbers to free dimensions, by name; a
// name that no input has is an error. `outputs`: tensors to end at, in place of the network's own outputs.
Result<Imported> import_file(const std::string& path, const DimBindings& fixed = {},
                             const std::vector<std::string>& outputs = {});
Result<Imported> import_model(const Model& model, const DimBindings& fixed = {});

// Obstacles as one error text, one line each.
std::string describe(const std::vector<Obstacle>& obstacles);

}  // namespace nibble::onnx_import
