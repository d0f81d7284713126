#include "converter/compare_options.h"

#include <CLI/CLI.hpp>

#include "converter/dim_option.h"
#include "converter/number_option.h"
#include "nibble/version.h"

namespace nibble {
namespace {

constexpr const char* kExamples = R"(
Examples:
  nibble-compare net.onnx net.nbl --data photos/ --labels labels.tsv --json result.json
      agreement, top-1 and top-5 of a classifier, errors per output and layer
  nibble-compare detector.onnx detector.nbl --data photos/ --boxes boxes.tsv
      boxes of the float network that are found again, and the average precision of both
  nibble-compare upscaler.onnx upscaler.nbl --data pictures/ --task image
      how close the pictures are
  nibble-compare net.fp32.nbl net.int4.nbl --data samples/ --samples 100
      two .nbl files; the first is the reference)";

}  // namespace

CompareOptions parse_compare_options(int argc, char** argv) {
  CompareOptions o;
  CLI::App app{"Compares a .nbl file with the float network that it was made of.", "nibble-compare"};
  app.set_version_flag("--version", std::string("nibble-compare ") + version());
  app.footer(kExamples);
  std::string task;
  std::vector<std::string> dims;
  app.add_option("reference", o.reference, "the float network: an ONNX file, or a .nbl file")->required();
  app.add_option("model", o.model, ".nbl file")->required();
  app.add_option("--data", o.data, "samples: a folder of pictures, a list (PATH<tab>INDEX), .npy files, MNIST idx")
      ->required();
  app.add_option("--labels", o.labels, "true classes: PATH<tab>INDEX a line");
  app.add_option("--skip", o.skip, "leave out the first K samples")->check(count_between(0, kMostSampleCount));
  app.add_option("--samples", o.samples, "use at most N samples")->check(count_between(1, kMostSampleCount));
  app.add_option("--json", o.json, "write the result here");
  app.add_option("--device", o.device, "Vulkan device: its index or a part of its name");
  app.add_option("--reference-executor", o.reference_executor,
                 "what runs an ONNX reference: this processor, or the Vulkan device")
      ->check(CLI::IsMember({"cpu", "device"}))
      ->capture_default_str();
  app.add_option("--preprocess", o.preprocess,
                 "JSON: how a picture becomes the network's input; without it as the .nbl file says");
  app.add_option("--task", task, "classify, detect, segment, image or values; without it guessed by the outputs")
      ->check(CLI::IsMember({"classify", "detect", "segment", "image", "values"}));
  app.add_option("--detection", o.detection,
                 "JSON (a file, or the text itself): decoder and suppression; without it as the .nbl file says");
  app.add_option("--boxes", o.boxes,
                 "true boxes for average precision: FILE, CLASS, NAME, X1, Y1, X2, Y2 a line, parted by tabs");
  app.add_option("--layer-samples", o.layer_samples, "samples on which every tensor is compared; 0: none")
      ->check(count_between(0, kMostSampleCount))
      ->capture_default_str();
  app.add_option("--worst", o.worst, "how many layers to print")
      ->check(count_between(0, kMostSampleCount))
      ->capture_default_str();
  app.add_option("--dim", dims, "NAME=SIZE: fixes a free dimension of an ONNX reference; may be repeated");
  try {
    app.parse(argc, argv);
    o.dims = parse_dims(dims);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  if (!task.empty()) o.task = *report::parse_task(task);
  return o;
}

}  // namespace nibble
