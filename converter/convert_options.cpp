#include "converter/convert_options.h"

#include <CLI/CLI.hpp>

#include "converter/dim_option.h"
#include "converter/number_option.h"
#include "converter/outputs_option.h"
#include "nibble/version.h"

namespace nibble {
namespace {

constexpr const char* kExamples = R"(
Examples:
  nibble-convert --check net.onnx
      lists everything that stands in the way of converting it
  nibble-convert net.onnx -o net.nbl --weights fp32
      no quantization
  nibble-convert net.onnx -o net.nbl --weights int8 --calibrate photos/ --preprocess imagenet.json --classes classes.txt
      int8 weights and activations; ranges come from the photos
  nibble-convert net.onnx -o net.nbl --weights int4 --group-size 64 --activations float
      int4 weights only; needs no samples
  nibble-convert net.onnx -o net.nbl --weights int4 --calibrate photos/ --keep-wide 're:head\..*'
      int4, but the head's layers in int8)";

std::regex parse_pattern(const std::string& text) {
  try {
    if (text.rfind("re:", 0) == 0) return std::regex(text.substr(3));
    std::string escaped = "^";
    for (char c : text) {
      if (std::string_view(R"(\^$.|?*+()[]{})").find(c) != std::string_view::npos) escaped += '\\';
      escaped += c;
    }
    return std::regex(escaped + "$");
  } catch (const std::regex_error& e) {
    throw CLI::ValidationError("--keep-wide", "'" + text + "': " + e.what());
  }
}

}  // namespace

ConvertOptions parse_convert_options(int argc, char** argv) {
  using quantization::ActivationFormat;
  using quantization::WeightFormat;
  ConvertOptions o;
  CLI::App app{"Converts an ONNX network to one .nbl file.", "nibble-convert"};
  app.set_version_flag("--version", std::string("nibble-convert ") + version());
  app.footer(kExamples);
  std::string weights = "int8", activations, rounding = "cd", range_method = "mse", scale = "free";
  std::string sparsity = "dense", prune_metric = "obs";
  std::vector<std::string> keep_wide, dims;
  app.add_option("model", o.model, "ONNX file")->required();
  app.add_option("-o,--output", o.output, "the .nbl file to write");
  app.add_flag("--check", o.check_only, "only say what stands in the way of converting the model");
  app.add_option(
         "--weights", weights,
         "format of the weights; lut4: four bits that name an entry of a learned codebook; ternary, sign: for experts, "
         "-1, 0, 1 or -1, 1 times a scale, which ruins most networks")
      ->check(CLI::IsMember({"fp32", "fp16", "int8", "int4", "lut4", "ternary", "sign"}))
      ->capture_default_str();
  app.add_option("--activations", activations,
                 "format of what flows between layers; float with fp32 and fp16 weights, else int8")
      ->check(CLI::IsMember({"float", "fp16", "int8"}));
  app.add_option("--group-size", o.format.group_size, "int4: weights that share a multiplier")
      ->check(CLI::IsMember({32, 64, 128}))
      ->capture_default_str();
  app.add_option("--keep-wide", keep_wide,
                 "a layer's name, or re:REGEX: these layers get the next wider format; may be repeated");
  app.add_option("--calibrate", o.calibrate,
                 "samples for the ranges of int8 activations: a folder of pictures, a list, .npy files, MNIST idx");
  app.add_option("--skip", o.skip, "leave out the first K samples")->check(count_between(0, kMostSampleCount));
  app.add_option("--samples", o.samples, "use at most N samples")->check(count_between(1, kMostSampleCount));
  app.add_flag("--equalize,!--no-equalize", o.equalize,
               "bring the channels of a tensor to like sizes before quantizing, where that lowers rounding noise; not "
               "given: chosen by what it does to the outputs");
  app.add_option("--ranges", range_method,
                 "how a tensor's range is chosen; auto: for each tensor the one of the "
                 "others with the least error in what its readers compute")
      ->check(CLI::IsMember({"minmax", "percentile", "mse", "entropy", "auto"}))
      ->capture_default_str();
  app.add_flag("!--no-choose", o.choose,
               "take equalisation, ranges and rounding as they stand; else those that are not given are chosen by how "
               "far the outputs move on samples held out for that");
  app.add_option("--scale", scale, "po2: scales are powers of two, so that requantizing is a shift; coarser")
      ->check(CLI::IsMember({"free", "po2"}))
      ->capture_default_str();
  app.add_option("--percentile", o.ranges.percent, "with --ranges percentile")
      ->check(number_between(50.0, 100.0))
      ->capture_default_str();
  app.add_option(
         "--rounding", rounding,
         "how int8 and int4 weights are rounded: to nearest; gptq: making up for each error with the weights that "
         "follow; cd: that, then improved one by one; hqq: by the weights alone, as always without samples")
      ->check(CLI::IsMember({"nearest", "gptq", "cd", "hqq"}))
      ->capture_default_str();
  app.add_flag("!--no-propagate", o.rounding.propagate,
               "round each layer against the original network's inputs, not against the rounded layers before it");
  app.add_flag("!--no-held-out-fit", o.rounding.held_out,
               "fit every layer as far as the samples allow, instead of as far as helps on every fourth of them");
  app.add_flag("!--no-bias-correction", o.rounding.bias_correction, "leave biases as they are");
  app.add_flag("!--no-clip-search", o.rounding.clip, "scales that represent the largest weight");
  app.add_option("--stats", o.stats,
                 "statistics of nibble-calibrate to round by, in place of the samples; without propagation");
  app.add_option("--augment", o.variations,
                 "for rounding, make N more samples of the given pictures: parts of them, mirrored or not (default: as "
                 "many as make up 256)")
      ->check(count_between(0, 100000));
  app.add_option("--executor", o.executor, "what runs the float network: this processor, or a Vulkan device")
      ->check(CLI::IsMember({"cpu", "device"}))
      ->capture_default_str();
  app.add_option("--device", o.device, "with --executor device: its index or a part of its name");
  app.add_option("--preprocess", o.preprocess, "JSON: how a picture becomes the network's input; kept in the file");
  app.add_option("--classes", o.classes, "class names, one a line; kept in the file");
  app.add_option("--detection", o.detection,
                 "JSON (a file, or the text itself): decoder and suppression of a detector; kept in the file");
  app.add_option("--meta", o.metadata, "KEY=VALUE to keep in the file; may be repeated");
  app.add_option("--input-type", o.input_type, "uint8: the first input takes pixels as they are")
      ->check(CLI::IsMember({"float", "uint8"}))
      ->capture_default_str();
  app.add_option("--output-type", o.output_type, "uint8: the first output gives pixels")
      ->check(CLI::IsMember({"float", "uint8"}))
      ->capture_default_str();
  app.add_option("--dim", dims, "NAME=SIZE: fixes a free dimension; may be repeated");
  add_outputs_option(app, o.outputs);
  app.add_option("--recover", o.recover,
                 "train the weights of the pruned network, on the samples, to compute again what the original does: "
                 "block by block, or the whole network at once (better and slower)")
      ->check(CLI::IsMember({"block", "network"}));
  app.add_option("--recover-steps", o.recover_steps,
                 "steps of each block (default 400); four times as many of a network")
      ->check(count_between(1, 1000000));
  app.add_option("--sparsity", sparsity,
                 "zeros: 2:4 (two of four neighbouring input channels) or 4-block (half of the blocks of four), chosen "
                 "by second moments; pays with --entropy-code")
      ->check(CLI::IsMember({"dense", "2:4", "4-block"}))
      ->capture_default_str();
  app.add_flag("--entropy-code,!--no-entropy-code", o.entropy_code,
               "compress the constants with zstd: a smaller file that is expanded when it is loaded");
  app.add_option("--max-size", o.max_size,
                 "bytes of the file: 619k, 4MB, or 0.125x of the network's; chooses formats by layer");
  app.add_option("--max-macs", o.max_macs, "multiply-adds: 250M, or 0.8x of the network's; removes channels");
  app.add_option("--prune-metric", prune_metric, "with --max-macs: what tells which channels matter least")
      ->check(CLI::IsMember({"obs", "obd", "magnitude", "random"}))
      ->capture_default_str();
  app.add_flag("!--no-blocks", o.prune.blocks, "with --max-macs: channels only, no whole residual branches");
  app.add_flag("!--no-compensate", o.prune.compensate, "leave the remaining weights as they are");
  app.add_flag("--statistics-correction,!--no-statistics-correction", o.prune.statistics_correction,
               "restore the spread of each channel after pruning");
  app.add_option("--target-latency", o.target_latency, "milliseconds a run on the device that --device picks")
      ->check(number_between(0.0, 1e9, true));
  app.add_option("--latency-table", o.latency_table,
                 "with --target-latency: a file that keeps the times of layers, by device and driver");
  app.add_option("--max-drop", o.max_drop,
                 "what may be lost on samples held out: points of top-1 with --labels, else points of agreement; or "
                 "top1:2, agreement:2, kl:0.05, sqnr:30 (decibels)");
  app.add_option("--labels", o.labels, "with --max-drop: 'folders' (each class its own), or a file path<TAB>index");
  app.add_option("--plan", o.plan, "repeat the decisions in this JSON file");
  app.add_option("--plan-out", o.plan_out, "write what was decided, for --plan");
  app.add_option("--report", o.reports,
                 "write what was done and what it cost: FILE.html as a page, any other name as JSON; may be repeated");
  app.add_option("--export-onnx", o.export_onnx,
                 "write the converted network as ONNX too (QuantizeLinear, DequantizeLinear), for other runtimes");
  app.add_option("--verify", o.verify,
                 "run the result on N samples, such as calibration has not seen where there are more, before it is "
                 "written; 0: don't")
      ->check(count_between(0, 10000))
      ->capture_default_str();
  app.add_flag("--allow-collapse", o.allow_collapse,
               "write the file even where the result no longer follows the float network");
  app.add_flag("--allow-noise", o.allow_noise, "calibrate on samples even where they look like random noise");
  app.add_option("--dump-after", o.dump_after, "print the graph after this pass ('all': after each)");
  try {
    app.parse(argc, argv);
    if (!o.check_only && o.output.empty()) throw CLI::RequiredError("--output");
    for (const std::string& text : keep_wide) o.format.keep_wide.push_back(parse_pattern(text));
    o.dims = parse_dims(dims);
    o.rounding_chosen = app.count("--rounding") > 0;
    for (const CLI::Option* option : app.get_options()) {
      if (option->count() == 0) continue;
      for (const std::string& text : option->results()) {
        if (text.empty()) throw CLI::ValidationError(option->get_name(), "expected a value, found nothing");
      }
      for (const std::string& name : option->get_lnames()) o.given.insert(name);
    }
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  for (WeightFormat format : quantization::kWeightFormats) {
    if (weights == to_string(format)) o.format.weights = format;
  }
  if (activations.empty()) activations = weights == "fp32" || weights == "fp16" ? "float" : "int8";
  o.format.activations = activations == "int8"   ? ActivationFormat::int8
                         : activations == "fp16" ? ActivationFormat::fp16
                                                 : ActivationFormat::real;
  o.rounding.method = *rounding::parse_method(rounding);
  o.sparsity = *rounding::parse_sparsity(sparsity);
  o.prune.metric = *prune::parse_metric(prune_metric);
  o.format.power_of_two = scale == "po2";
  o.ranges.method = *calibrate::parse_method(range_method);
  return o;
}

}  // namespace nibble
