// What nibble-compare is asked to do.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "converter/report/task.h"
#include "graph/dim.h"

namespace nibble {

struct CompareOptions {
  std::string reference;  // ONNX or .nbl
  std::string model;      // .nbl
  std::string data;
  std::string labels;
  size_t skip = 0;
  size_t samples = std::numeric_limits<size_t>::max();
  std::string json;
  std::string device;
  std::string reference_executor = "cpu";  // or "device"
  std::string preprocess;                  // JSON file; empty: as the .nbl file says
  std::string detection;                   // JSON file or text; empty: as the .nbl file says
  std::string boxes;                       // true boxes, TSV
  std::optional<report::Task> task;        // empty: guessed
  size_t layer_samples = 4;
  size_t worst = 12;  // layers that are printed
  DimBindings dims;
};

// Exits the program on --help, --version and wrong options, with their texts.
CompareOptions parse_compare_options(int argc, char** argv);

}  // namespace nibble
