// nibble-convert: an ONNX network goes in, one .nbl file comes out.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "converter/convert_options.h"
#include "converter/data/network_inputs.h"
#include "converter/execute/device_executor.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "format/writer.h"
#include "media/atomic_file.h"
#include "media/detection.h"
#include "media/progress.h"
#include "media/read_file.h"
#include "nibble/version.h"

namespace nibble {
namespace {

Result<std::string> read_text(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(path, 16 << 20));
  return std::string(bytes.begin(), bytes.end());
}

// What the file says about itself besides the graph.
Status fill_metadata(const ConvertOptions& o, const media::Preprocessing& preprocessing, Graph& graph) {
  graph.metadata["producer"] = std::string("nibble-convert ") + version();
  graph.metadata["format"] =
      format("weights %s, activations %s", to_string(o.format.weights), to_string(o.format.activations));
  if (!o.preprocess.empty()) graph.metadata["preprocess"] = media::to_json(preprocessing);
  if (!o.classes.empty()) {
    NBL_TRY(graph.metadata["classes"], read_text(o.classes));
  }
  if (!o.detection.empty()) {
    std::string text = o.detection;
    if (text.find('{') == std::string::npos) {
      NBL_TRY(text, read_text(o.detection));
    }
    NBL_TRY(const media::Detection detection, media::parse_detection(text));
    graph.metadata["detection"] = media::to_json(detection);
  }
  for (const std::string& pair : o.metadata) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{Code::invalid_argument, "--meta '" + pair + "': expected KEY=VALUE"};
    graph.metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return {};
}

Result<std::unique_ptr<Executor>> make_executor(const ConvertOptions& o, const Graph& bound) {
  if (o.executor == "cpu") return make_cpu_executor(bound);
  DeviceOptions options;
  options.select = o.device;
  NBL_TRY(const Device device, Device::create(options));
  return make_device_executor(bound, device);
}

Result<quantization::Ranges> calibrate_ranges(const ConvertOptions& o, const Graph& graph,
                                              const media::Preprocessing& preprocessing) {
  media::SampleOptions sample_options{o.skip, o.samples, {}};
  for (TensorId id : graph.inputs) sample_options.input_names.push_back(graph.desc(id).name);
  NBL_TRY(const media::SampleSet samples, media::open_samples(o.calibrate, sample_options));
  calibrate::Calibrator calibrator(graph);
  std::unique_ptr<Executor> executor;
  DimBindings bound_dims;
  media::Progress progress("calibrating", samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    NBL_TRY(const DimBindings dims, dims_of_sample(graph, samples, i, preprocessing));
    if (!executor || dims != bound_dims) {
      NBL_TRY(const Graph bound, bind_dims(graph, dims));
      NBL_TRY(executor, make_executor(o, bound));
      bound_dims = dims;
    }
    NBL_TRY(std::vector<reference::FloatValue> inputs, sample_inputs(executor->graph(), samples, i, preprocessing));
    NBL_CHECK(executor->run(std::move(inputs), calibrator.observer()));
    progress.advance();
  }
  progress.finish();
  return calibrator.ranges(o.ranges);
}

// Byte pixels as the preprocessing defines values: (pixel / 255 - mean) / std.
quantization::BytePixels input_pixels(const media::Preprocessing& p) {
  quantization::BytePixels out;
  const size_t channels = std::max<size_t>({p.mean.size(), p.std.size(), 1});
  for (size_t c = 0; c < channels; ++c) {
    const double mean = p.mean.empty() ? 0.0 : p.mean[p.mean.size() == 1 ? 0 : c],
                 std = p.std.empty() ? 1.0 : p.std[p.std.size() == 1 ? 0 : c];
    out.factor.push_back(static_cast<float>(1.0 / (255.0 * std)));
    out.offset.push_back(static_cast<float>(-mean / std));
  }
  return out;
}

Status write_report(const std::string& path, const std::vector<quantization::Decision>& decisions) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const auto& d : decisions) {
    layers.push_back({{"node", d.node},
                      {"operator", d.op},
                      {"weights", to_string(d.weights)},
                      {"activations", to_string(d.activations)},
                      {"reason", d.reason}});
  }
  const nlohmann::ordered_json report = {{"version", version()}, {"layers", layers}};
  return media::write_file_atomically(path,
                                      report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void print_decisions(const std::vector<quantization::Decision>& decisions) {
  std::map<std::string, int> counts;
  for (const auto& d : decisions)
    ++counts[std::string(to_string(d.weights)) + " weights, " + to_string(d.activations) + " activations"];
  for (const auto& [what, count] : counts) std::printf("%4d layers: %s\n", count, what.c_str());
  for (const auto& d : decisions) {
    if (d.reason.empty()) continue;
    std::printf("     wider: %s '%s' stays %s%s: %s\n", d.op.c_str(), d.node.c_str(), to_string(d.weights),
                d.activations == quantization::ActivationFormat::real ? " with float arithmetic" : "",
                d.reason.c_str());
  }
}

uint64_t constant_bytes(const Graph& graph) {
  uint64_t sum = 0;
  for (const Tensor& t : graph.tensors) sum += t.is_constant() ? t.constant->bytes.size() : 0;
  return sum;
}

Status convert(const ConvertOptions& o) {
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_file(o.model, o.dims));
  if (!imported.obstacles.empty()) {
    return Error{Code::unsupported_op,
                 format("'%s' cannot be converted, %zu obstacle(s):\n", o.model.c_str(), imported.obstacles.size()) +
                     onnx_import::describe(imported.obstacles)};
  }
  Graph graph = std::move(imported.graph);
  const bool integers = o.format.activations == quantization::ActivationFormat::int8;
  NBL_CHECK(passes::run(graph, {.integer_activations = integers}, o.dump_after));
  if (o.check_only) {
    std::printf("%s: can be converted, %zu nodes\n", o.model.c_str(), graph.nodes.size());
    return {};
  }
  media::Preprocessing preprocessing;
  if (!o.preprocess.empty()) {
    NBL_TRY(preprocessing, media::read_preprocessing(o.preprocess));
  }
  quantization::Options format_options = o.format;
  if (o.input_type == "uint8") format_options.byte_input = input_pixels(preprocessing);
  if (o.output_type == "uint8") {
    format_options.byte_output =
        quantization::BytePixels{{static_cast<float>(1.0 / preprocessing.output_scale)},
                                 {static_cast<float>(-preprocessing.output_offset / preprocessing.output_scale)}};
  }
  NBL_CHECK(fill_metadata(o, preprocessing, graph));

  quantization::Ranges ranges;
  if (integers && !o.calibrate.empty()) {
    NBL_TRY(ranges, calibrate_ranges(o, graph, preprocessing));
  } else if (integers && !quantization::has_own_scales(graph)) {
    return Error{Code::invalid_argument,
                 "int8 activations need samples: give --calibrate PATH, or --activations float"};
  }
  const uint64_t bytes_before = constant_bytes(graph);
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(graph, ranges, format_options));
  NBL_CHECK(pack_graph(quantized.graph));
  NBL_CHECK(write_model(quantized.graph, o.output));
  if (!o.report.empty()) NBL_CHECK(write_report(o.report, quantized.decisions));
  print_decisions(quantized.decisions);
  std::printf("%s: %zu nodes, weights %.1f kB -> %.1f kB\n", o.output.c_str(), quantized.graph.nodes.size(),
              static_cast<double>(bytes_before) / 1000.0,
              static_cast<double>(constant_bytes(quantized.graph)) / 1000.0);
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  const nibble::ConvertOptions options = nibble::parse_convert_options(argc, argv);
  if (nibble::Status status = nibble::convert(options); !status) {
    std::fprintf(stderr, "nibble-convert: %s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
