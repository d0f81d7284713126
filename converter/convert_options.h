// What nibble-convert is asked to do.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "converter/calibrate/calibrate.h"
#include "converter/quantize/quantize.h"
#include "media/preprocess.h"

namespace nibble {

struct ConvertOptions {
  std::string model;
  std::string output;
  bool check_only = false;
  quantization::Options format;
  calibrate::Options ranges;
  std::string calibrate;  // data set; empty: none
  size_t skip = 0;
  size_t samples = std::numeric_limits<size_t>::max();
  std::string executor = "cpu";  // or "device"
  std::string device;
  std::string preprocess;             // JSON file
  std::string classes;                // text file, a name a line
  std::string detection;              // JSON file or text: decoder and suppression
  std::vector<std::string> metadata;  // KEY=VALUE
  std::string input_type = "float";   // or "uint8"
  std::string output_type = "float";
  DimBindings dims;
  bool entropy_code = false;  // constants in section ZDAT
  std::string report;         // JSON file
  std::string export_onnx;    // ONNX file to write as well
  std::string dump_after;
};

// Exits the program on --help, --version and wrong options, with their texts.
ConvertOptions parse_convert_options(int argc, char** argv);

}  // namespace nibble
