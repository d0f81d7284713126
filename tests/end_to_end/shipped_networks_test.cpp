// The networks that the repository ships: their recorded outputs, and what int8 and int4 make of the classifier.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "converter/calibrate/calibrate.h"
#include "converter/data/network_inputs.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "converter/quantize/quantize.h"
#include "format/pack_graph.h"
#include "media/npy.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"

namespace nibble::test {
namespace {

using quantization::ActivationFormat;
using quantization::WeightFormat;

const std::string kModels = std::string(NIBBLE_SOURCE_DIR) + "/samples/models/";

Graph import_shipped(const std::string& name) {
  auto imported = onnx_import::import_file(kModels + name + ".onnx");
  EXPECT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(imported->obstacles.empty()) << onnx_import::describe(imported->obstacles);
  EXPECT_TRUE(passes::run(imported->graph, {.integer_activations = true}));
  return std::move(imported->graph);
}

Session open_session(Graph graph, const DimBindings& dims) {
  EXPECT_TRUE(pack_graph(graph));
  auto device = Device::create();
  EXPECT_TRUE(device) << device.error().message;
  auto model = make_model(std::move(graph));
  EXPECT_TRUE(model) << model.error().message;
  auto session = Session::create(*device, *model, {.dims = dims});
  EXPECT_TRUE(session) << session.error().message;
  return std::move(*session);
}

TEST(ShippedNetworks, give_their_recorded_outputs) {
  for (const std::string name : {"classifier", "upscaler"}) {
    const auto in = media::read_npy(kModels + "ref/" + name + ".in0.npy"),
               out = media::read_npy(kModels + "ref/" + name + ".out0.npy");
    ASSERT_TRUE(in && out);
    DimBindings dims{{"N", in->shape[0]}};
    if (name == "upscaler") dims.insert({{"H", in->shape[2]}, {"W", in->shape[3]}});
    auto graph = quantization::quantize(import_shipped(name), {},
                                        {.weights = WeightFormat::fp32, .activations = ActivationFormat::real});
    ASSERT_TRUE(graph) << graph.error().message;
    Session session = open_session(std::move(graph->graph), dims);
    const std::vector<float> values = media::to_floats(*in), expected = media::to_floats(*out);
    ASSERT_TRUE(session.write("", std::span<const float>(values)));
    ASSERT_TRUE(session.run());
    std::vector<float> found(session.outputs()[0].elements());
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_TRUE(session.read(session.outputs()[0].name, found));
    double worst = 0.0, largest = 0.0;
    for (size_t i = 0; i < found.size(); ++i) {
      worst = std::max(worst, static_cast<double>(std::abs(found[i] - expected[i])));
      largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
    }
    EXPECT_LE(worst, 1e-3 * largest) << name;
  }
}

// Share of held-out pictures that are classified right.
double accuracy(const quantization::Options& options, size_t count) {
  const Graph graph = import_shipped("classifier");
  const auto preprocessing = media::read_preprocessing(kModels + "classifier.preprocess.json");
  const auto bound = bind_dims(graph, {});
  calibrate::Calibrator calibrator(graph);
  auto executor = make_cpu_executor(*bound);
  const auto calibration = media::open_samples(kModels + "data/glyphs/calibration-images-idx3-ubyte", {});
  const auto held_out = media::open_samples(kModels + "data/glyphs/held-out-images-idx3-ubyte", {0, count, {}});
  EXPECT_TRUE(preprocessing && bound && executor && calibration && held_out);
  for (size_t i = 0; i < calibration->size(); ++i) {
    EXPECT_TRUE((*executor)->run(*sample_inputs(*bound, *calibration, i, *preprocessing), calibrator.observer()));
  }
  auto quantized = quantization::quantize(graph, *calibrator.ranges({}), options);
  EXPECT_TRUE(quantized) << quantized.error().message;
  Session session = open_session(std::move(quantized->graph), {});
  size_t right = 0;
  for (size_t i = 0; i < held_out->size(); ++i) {
    const auto inputs = sample_inputs(*bound, *held_out, i, *preprocessing);
    EXPECT_TRUE(session.write("", std::span<const float>((*inputs)[0].real)));
    EXPECT_TRUE(session.run());
    std::vector<float> logits(session.outputs()[0].elements());
    EXPECT_TRUE(session.read(session.outputs()[0].name, logits));
    right += std::max_element(logits.begin(), logits.end()) - logits.begin() == held_out->label(i);
  }
  return static_cast<double>(right) / static_cast<double>(held_out->size());
}

TEST(ShippedNetworks, classifier_keeps_its_accuracy_in_int8_and_loses_some_in_int4) {
  const double fp32 = accuracy({.weights = WeightFormat::fp32, .activations = ActivationFormat::real}, 500);
  const double int8 = accuracy({.weights = WeightFormat::int8}, 500);
  const double int4 = accuracy({.weights = WeightFormat::int4}, 500);
  std::printf("fp32 %.3f, int8 %.3f, int4 %.3f\n", fp32, int8, int4);
  EXPECT_GE(fp32, 0.90);
  EXPECT_LE(fp32, 0.99);
  EXPECT_GE(int8, fp32 - 0.02);
  EXPECT_LE(int4, fp32 - 0.01);
  EXPECT_GE(int4, 0.75);
}

}  // namespace
}  // namespace nibble::test
