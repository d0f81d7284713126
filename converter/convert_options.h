// What nibble-convert is asked to do.
#pragma once

#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "converter/calibrate/calibrate.h"
#include "converter/prune/prune_options.h"
#include "converter/quantize/quantize.h"
#include "converter/rounding/round_layer.h"
#include "converter/rounding/sparsity.h"
#include "media/preprocess.h"

namespace nibble {

struct ConvertOptions {
  std::string model;
  std::string output;
  bool check_only = false;
  quantization::Options format;
  calibrate::Options ranges;
  bool equalize = true;
  std::string calibrate;  // data set; empty: none
  size_t skip = 0;
  size_t samples = std::numeric_limits<size_t>::max();
  rounding::Options rounding;
  bool rounding_chosen = false;      // --rounding was given
  bool choose = true;                // what was not given is chosen by what it does to the outputs
  std::string stats;                 // file of nibble-calibrate
  std::string stats_checksum;        // of that file; empty without one
  std::optional<size_t> variations;  // --augment; none: as many as make up 256 samples
  std::string executor = "cpu";      // or "device"
  std::string device;
  std::string preprocess;             // JSON file
  std::string classes;                // text file, a name a line
  std::string detection;              // JSON file or text: decoder and suppression
  std::vector<std::string> metadata;  // KEY=VALUE
  std::string input_type = "float";   // or "uint8"
  std::string output_type = "float";
  DimBindings dims;
  std::vector<std::string> outputs;  // tensors to end at; empty: the network's own outputs
  std::string recover;               // "block" or "network": train the changed network's weights; empty: do not
  int64_t recover_steps = 0;         // 0: as recover::Options has it
  bool entropy_code = false;         // constants in section ZDAT
  std::vector<std::string> reports;  // .html: a page, else JSON
  std::string export_onnx;           // ONNX file to write as well
  rounding::SparsityPattern sparsity = rounding::SparsityPattern::dense;
  // Bounds that a search keeps to (converter/search/budget.h); empty or 0: none.
  std::string max_size;
  std::string max_macs;
  prune::PruneOptions prune;    // how channels are removed for max_macs
  double target_latency = 0.0;  // ms
  std::string latency_table;    // JSON: times of layers, kept between runs
  std::string max_drop;
  std::string labels;           // for max_drop: "folders", or a label file
  bool hold_out = false;        // every fifth sample is kept from calibration; set where something is bounded
  std::string plan;             // JSON: decisions to repeat
  std::string plan_out;         // JSON: where decisions are written
  size_t verify = 16;           // samples to run the result on before it is written; 0: none
  bool allow_collapse = false;  // write a network that no longer follows the float one
  bool allow_noise = false;     // take samples that look like noise
  std::string dump_after;
  std::set<std::string> given;  // long names, without dashes, of the options on the command line
};

// Exits the program on --help, --version and wrong options, with their texts.
ConvertOptions parse_convert_options(int argc, char** argv);

}  // namespace nibble
