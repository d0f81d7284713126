#include "converter/shapes_options.h"

#include <CLI/CLI.hpp>

#include "nibble/version.h"

namespace nibble {
namespace {

constexpr const char* kExamples = R"(
The files are for measuring speed and memory only: weights are random, results mean nothing.

Examples:
  nibble-shapes --list
  nibble-shapes resnet18 mobilenet_v1 --weights fp32,int8,int4 -o nets/
      nets/resnet18.fp32.nbl, nets/resnet18.int8.nbl, ...
  nibble-shapes all --weights int8 -o nets/
  nibble-shapes layers --weights int8 -o layers/
      every single layer of the list as a file of its own
  nibble-shapes resnet18 --size 448 --batch 4 --channels 0.5 -o nets/
  nibble-shapes my_net.txt
      rows as in converter/README.md, 'input c3 s224', 'conv c64 k3 s2 relu', ...)";

}  // namespace

ShapesOptions parse_shapes_options(int argc, char** argv) {
  using quantization::ActivationFormat;
  using quantization::WeightFormat;
  ShapesOptions o;
  CLI::App app{"Makes .nbl files with the layer shapes of well-known networks and random weights.", "nibble-shapes"};
  app.set_version_flag("--version", std::string("nibble-shapes ") + version());
  app.footer(kExamples);
  std::vector<std::string> weights = {"int8"};
  std::string activations;
  app.add_option("networks", o.networks, "names of the list, files of rows, 'all' networks, or all single 'layers'");
  app.add_flag("--list", o.list, "print the list: name, multiply-adds, where the shapes come from");
  app.add_option("-o,--output", o.folder, "folder for the files; made if it is not there")->capture_default_str();
  app.add_option("--weights", weights, "formats of the weights, separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"fp32", "fp16", "int8", "int4"}))
      ->default_str("int8");
  app.add_option("--activations", activations,
                 "format of what flows between layers; int8 with int8 and int4 weights, else float")
      ->check(CLI::IsMember({"float", "fp16", "int8"}));
  app.add_option("--group-size", o.group_size, "int4: weights that share a multiplier")
      ->check(CLI::IsMember({32, 64, 128}))
      ->capture_default_str();
  app.add_option("--size", o.shape.size, "height and width of pictures, or number of tokens")
      ->check(CLI::Range(int64_t{1}, shapes::kMostSize));
  app.add_option("--batch", o.shape.batch, "pictures or sequences at once")
      ->check(CLI::Range(int64_t{1}, shapes::kMostBatch))
      ->capture_default_str();
  app.add_option("--channels", o.shape.channels, "factor of all channel counts but classes")
      ->check(CLI::Range(0.01, shapes::kMostFactor))
      ->capture_default_str();
  app.add_option("--seed", o.shape.seed, "of weights and calibration inputs")->capture_default_str();
  app.add_option("--samples", o.samples, "random inputs to calibrate on")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (!o.list && o.networks.empty()) throw CLI::RequiredError("networks");
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  for (const std::string& w : weights) {
    o.weights.push_back(w == "fp32"   ? WeightFormat::fp32
                        : w == "fp16" ? WeightFormat::fp16
                        : w == "int4" ? WeightFormat::int4
                                      : WeightFormat::int8);
  }
  if (activations == "int8") o.activations = ActivationFormat::int8;
  if (activations == "fp16") o.activations = ActivationFormat::fp16;
  if (activations == "float") o.activations = ActivationFormat::real;
  return o;
}

}  // namespace nibble
