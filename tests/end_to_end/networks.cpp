#include "end_to_end/networks.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "converter/calibrate/calibrate.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "support/shared_data.h"

namespace nibble::test {
namespace {

constexpr const char* kImageNet = R"({"crop":224,"color":"rgb","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]})";
constexpr const char* kCifar = R"({"color":"rgb","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]})";
constexpr const char* kUltraFace =
    R"({"resize":{"mode":"stretch","size":[240,320],"filter":"bilinear"},"color":"rgb","mean":0.4980392156862745,"std":0.5019607843137255})";

Result<std::vector<float>> read_floats(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Code::io, path + " cannot be read"};
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

}  // namespace

const std::vector<Network>& vision_networks() {
  static const std::vector<Network> networks = {
      {"mnist-8", "mnist-8", R"({"color":"gray","mean":0,"std":0.00392156862745098})"},
      {"mobilenet_v2_1.0_224", "mobilenet_v2_1.0_224",
       R"({"crop":224,"color":"rgb","mean":0.5,"std":0.5,"label_offset":1})"},
      {"squeezenet1_1", "squeezenet1_1", kImageNet},
      {"resnet20_cifar10", "resnet20_cifar10", kCifar},
      {"resnet20_cifar10_torch", "resnet20_cifar10", kCifar},
      {"vww_mobilenet_0.25", "vww_mobilenet_0.25", R"({"resize":{"filter":"bilinear"},"color":"rgb"})"},
      {"ultraface-rfb-320", "ultraface-rfb-320", kUltraFace},
      {"ultraface-rfb-320-nodecode", "ultraface-rfb-320", kUltraFace},
      {"yolox_nano", "yolox_nano",
       R"({"resize":{"mode":"letterbox","size":[416,416],"fill":114,"anchor":"topleft","filter":"bilinear"},"color":"bgr","std":0.00392156862745098})"},
      {"deeplabv3_mnv2_dm05", "deeplabv3_mnv2_dm05",
       R"({"resize":{"mode":"stretch","size":[513,513],"filter":"bilinear"},"color":"rgb","mean":0.5,"std":0.5})"},
      {"selfie_segmentation_landscape", "selfie_segmentation_landscape",
       R"({"resize":{"mode":"stretch","size":[144,256],"filter":"bilinear"},"color":"rgb","layout":"nhwc"})"},
      {"subpixel_sr_x3", "subpixel_sr_x3", R"({"color":"ycbcr_y"})", true},
      {"style_candy", "style_candy", R"({"color":"rgb","std":0.00392156862745098,"output":{"scale":1,"offset":0}})",
       true},
  };
  return networks;
}

const Network& network(const std::string& name) {
  for (const Network& n : vision_networks()) {
    if (name == n.name) return n;
  }
  std::abort();
}

std::string test_name(const std::string& name) {
  std::string out = name;
  for (char& c : out) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return out;
}

std::string network_path(const Network& n) {
  const auto path = shared_data(std::string("models/") + n.folder + "/" + n.name + ".onnx");
  return path ? path->string() : std::string();
}

Result<Recorded> recorded(const Network& n) {
  // The PyTorch export of ResNet20 is the same network as the other file, and shares its record.
  const std::string name = std::string(n.name) == "resnet20_cifar10_torch" ? "resnet20_cifar10" : n.name;
  const std::string folder = shared_data(std::string("models/") + n.folder + "/ref")->string() + "/";
  std::ifstream in(folder + name + ".json");
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded()) return Error{Code::io, folder + name + ".json cannot be read"};
  Recorded out;
  for (const auto& input : json["inputs"]) {
    TensorDesc desc;
    desc.name = input["name"];
    for (int64_t d : input["shape"]) desc.shape.push_back(d);
    NBL_TRY(reference::FloatValue value, reference::make_value<float>(desc));
    NBL_TRY(value.real, read_floats(folder + std::string(input["file"])));
    out.inputs.push_back(std::move(value));
  }
  for (const auto& output : json["outputs"]) {
    Recorded::Output o;
    o.name = output["name"];
    o.shape = output["shape"].get<std::vector<int64_t>>();
    NBL_TRY(o.values, read_floats(folder + std::string(output["file"])));
    if (output.contains("stored_shape")) o.step = 16;
    out.outputs.push_back(std::move(o));
  }
  return out;
}

Result<Graph> import_network(const Network& n, bool integer_activations) {
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_file(network_path(n)));
  if (!imported.obstacles.empty()) return Error{Code::unsupported_op, onnx_import::describe(imported.obstacles)};
  NBL_CHECK(passes::run(imported.graph, {.integer_activations = integer_activations}));
  return std::move(imported.graph);
}

Result<Graph> quantized_network(const Network& n, const quantization::Options& options,
                                const std::vector<std::vector<reference::FloatValue>>& samples) {
  const bool integers = options.activations == quantization::ActivationFormat::int8;
  NBL_TRY(const Graph graph, import_network(n, integers));
  quantization::Ranges ranges;
  if (integers) {
    calibrate::Calibrator calibrator(graph);
    NBL_TRY(const Graph bound, bind_dims(graph, {}));
    NBL_TRY(const std::unique_ptr<Executor> executor, make_cpu_executor(bound));
    for (const auto& sample : samples) NBL_CHECK(executor->run(sample, calibrator.observer()));
    NBL_TRY(ranges, calibrator.ranges({}));
  }
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(graph, ranges, options));
  NBL_CHECK(pack_graph(quantized.graph));
  return std::move(quantized.graph);
}

double relative_error(const Recorded::Output& output, const std::vector<float>& found) {
  double worst = 0.0, largest = 0.0;
  size_t at = 0;
  const auto compare = [&](size_t i) {
    const double r = static_cast<double>(output.values[at++]);
    const double e = std::abs(static_cast<double>(found[i]) - r);
    worst = std::isnan(e) ? std::numeric_limits<double>::infinity() : std::max(worst, e);
    largest = std::max(largest, std::abs(r));
  };
  if (output.step == 1) {
    for (size_t i = 0; i < found.size(); ++i) compare(i);
    return worst / largest;
  }
  const auto h = static_cast<size_t>(output.shape[output.shape.size() - 2]),
             w = static_cast<size_t>(output.shape.back());
  for (size_t plane = 0; plane < found.size() / (h * w); ++plane) {
    for (size_t y = 0; y < h; y += static_cast<size_t>(output.step)) {
      for (size_t x = 0; x < w; x += static_cast<size_t>(output.step)) compare((plane * h + y) * w + x);
    }
  }
  return worst / largest;
}

}  // namespace nibble::test
