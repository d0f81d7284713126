// What nibble-shapes is asked to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/quantize/quantize.h"
#include "converter/shapes/make_network.h"

namespace nibble {

struct ShapesOptions {
  std::vector<std::string> networks;  // names, files of rows, "all", "layers"
  std::vector<quantization::WeightFormat> weights;
  std::optional<quantization::ActivationFormat> activations;  // absent: int8 with int8 and int4 weights, else float
  int group_size = 32;
  int samples = 2;
  shapes::Options shape;
  std::string folder = ".";
  bool list = false;
};

// Exits the program on --help, --version and wrong options, with their texts.
ShapesOptions parse_shapes_options(int argc, char** argv);

}  // namespace nibble
