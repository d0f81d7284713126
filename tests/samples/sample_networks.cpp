#include "sample_networks.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "media/media_testing.h"
#include "support/shared_data.h"
#include "tools/tool_process.h"

namespace nibble::test {
namespace {

// Goes when the process ends.
const media::test::TempFolder& folder() {
  static const media::test::TempFolder folder;
  return folder;
}

void convert(std::vector<std::string> arguments) {
  const ToolResult result = run_tool(NIBBLE_CONVERT, arguments);
  EXPECT_EQ(result.code, 0) << result.err;
}

}  // namespace

std::string shipped_file(const std::string& name) { return std::string(NIBBLE_SOURCE_DIR "/samples/models/") + name; }

std::string shipped_network(const std::string& name, const std::string& weights) {
  const std::string path = folder() / (name + "." + weights + ".nbl");
  if (std::filesystem::exists(path)) return path;
  std::vector<std::string> arguments{
      shipped_file(name + ".onnx"),           "-o", path, "--weights", weights, "--preprocess",
      shipped_file(name + ".preprocess.json")};
  if (name == "classifier") {
    arguments.insert(arguments.end(), {"--classes", shipped_file("classifier.classes.txt")});
  }
  if (weights != "fp32") {
    const std::string samples =
        shipped_file(name == "classifier" ? "data/glyphs/calibration-images-idx3-ubyte" : "data/pictures/calibration");
    arguments.insert(arguments.end(), {"--calibrate", samples, "--samples", name == "classifier" ? "50" : "2",
                                       "--augment", "0", "--no-choose", "--rounding", "nearest", "--verify", "0"});
  }
  convert(arguments);
  return path;
}

std::string shared_network(const std::string& onnx, const std::vector<std::string>& options) {
  const auto source = shared_data("models/" + onnx);
  if (!source) return {};
  const std::string path = folder() / (source->stem().string() + ".nbl");
  if (std::filesystem::exists(path)) return path;
  std::vector<std::string> arguments{source->string(), "-o", path, "--weights", "fp32"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  convert(arguments);
  return path;
}

std::string converted_network(const std::string& onnx, const std::vector<std::string>& options) {
  std::vector<std::string> arguments{onnx, "-o", onnx + ".nbl", "--weights", "fp32"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  convert(arguments);
  return onnx + ".nbl";
}

}  // namespace nibble::test
