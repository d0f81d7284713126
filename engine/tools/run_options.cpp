#include "tools/run_options.h"

#include <CLI/CLI.hpp>

#include "nibble/version.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

constexpr const char* kExamples = R"(
A picture is prepared as the model says. Several pictures, or a folder of them, run in batches where the model has a free
batch size, else one after the other. A .npy file holds one input as it is; free sizes of the model come from it.

Examples:
  nibble-run mobilenet_v2.nbl --input photo.jpg --top 5
      the five most likely classes of a picture
  nibble-run style.nbl --input photo.jpg --output-image out.png
      a picture in, a picture out; segmentations are coloured, boxes drawn into the photo
  nibble-run net.nbl --input input=x.npy --output-dir out/
      any network: one out/NAME.npy per output
  nibble-run net.nbl --input a.npy --dim T=16 --repeat 20 --profile
      how long a run takes, and each step of it
  nibble-run net.nbl --input photos/ --device llvmpipe
      every picture of a folder, on the device whose name contains "llvmpipe")";

}  // namespace

std::optional<int> parse_run_options(int argc, char** argv, RunOptions& o) {
  CLI::App app{"Runs a .nbl network on a Vulkan device.", "nibble-run"};
  app.set_version_flag("--version", std::string("nibble-run ") + version());
  app.footer(kExamples);
  app.add_option("model", o.model, "the .nbl file");
  app.add_option(
         "-i,--input", o.inputs,
         "a picture, a folder of pictures or a .npy file; NAME=FILE where the model has several inputs (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--top", o.top, "print the K best classes (default where the outputs are classes: 5)")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--output", o.output,
                 "the output that --top and --output-image are about (default: the first that fits)");
  app.add_option("--output-image", o.output_image, "write the output, a segmentation or the boxes found as PNG");
  app.add_option("--output-dir", o.output_dir, "write every output to this folder, as NAME.npy");
  app.add_option("--preprocess", o.preprocess,
                 "JSON: how a picture becomes the input, in place of what the model says");
  app.add_option("--dim", o.dims, "size of a free dimension, NAME=SIZE (repeatable)")->allow_extra_args(false);
  app.add_option("--repeat", o.repeat, "run N times; the time is the median then")->check(CLI::Range(1, 1000000));
  app.add_flag("--profile", o.profile, "print the time of every step");
  add_device_options(app, o.device);
  return parse_arguments(app, argc, argv);
}

}  // namespace nibble::tools
