// What nibble-run is asked to do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/tool_device.h"

namespace nibble::tools {

struct RunOptions {
  std::string model;
  std::vector<std::string> inputs;  // FILE, FOLDER or NAME=FILE, as written
  std::optional<int> top;
  std::string output;        // the output that --top and --output-image mean; empty: the first that fits
  std::string output_image;  // empty: none
  std::string output_dir;    // empty: none
  std::string preprocess;    // JSON file in place of the model's own
  std::vector<std::string> dims;
  int repeat = 1;
  bool profile = false;
  DeviceRequest device;
};

// An exit code when there is nothing to run: behind --help, --version and wrong arguments.
std::optional<int> parse_run_options(int argc, char** argv, RunOptions& options);

}  // namespace nibble::tools
