// Every network of the shapes list, made small: builds, plans and runs in every format, with results that say
// something.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "converter/shapes/make_network.h"
#include "converter/shapes/networks.h"
#include "format/writer.h"
#include "nibble/nibble.h"
#include "runtime/plan.h"

namespace nibble::test {
namespace {

using quantization::ActivationFormat;
using quantization::WeightFormat;

// Small enough for a software driver, large enough for five halvings.
shapes::Options small_shape(const shapes::Network& network) {
  const std::string name = network.name;
  if (std::string(network.group) == "layer") return {.size = 9, .channels = 0.25};
  if (name.find("llama") == 0) return {.size = 3, .channels = name == "llama_7b" ? 0.0625 : 0.25};
  if (name.find("vit") == 0) return {.size = 32};  // widths stay multiples of the heads
  return {.size = 64, .channels = 0.25};
}

void fill_inputs(Session& session) {
  for (const TensorInfo& info : session.inputs()) {
    std::vector<float> values(info.elements());
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i) * 0.7f);
    ASSERT_TRUE(session.write(info.name, std::span<const float>(values)));
  }
}

void expect_sensible_outputs(const Session& session, const std::string& name) {
  for (const TensorInfo& info : session.outputs()) {
    std::vector<float> values(info.elements());
    ASSERT_TRUE(session.read(info.name, std::span<float>(values))) << name;
    std::set<float> distinct;
    for (float v : values) {
      ASSERT_TRUE(std::isfinite(v)) << name << " " << info.name;
      distinct.insert(v);
    }
    EXPECT_GE(distinct.size(), std::min<size_t>(values.size(), 5)) << name << " " << info.name << " is nearly constant";
  }
}

// Weights lie on the device as in the file, int4 as int4; only numbers per channel are widened, and what the plan joins
// to a layer comes on top. Activations share memory as far as they can.
void expect_tight_memory(const Graph& graph, const std::string& name) {
  const auto plan = make_plan(graph, gpu::Caps{}, {});
  ASSERT_TRUE(plan) << name << ": " << plan.error().message;
  uint64_t stored = 0;
  for (const Tensor& t : graph.tensors) stored += t.is_constant() ? t.constant->bytes.size() : 0;
  uint64_t joined = 0;
  for (const BlobSpec& blob : plan->blobs) {
    for (const BlobPiece& piece : blob.pieces) joined += 4 * piece.words.size();
  }
  EXPECT_LE(plan->bytes(PlanBuffer::Kind::constants), stored * 17 / 16 + 512 * plan->blobs.size() + joined) << name;
  EXPECT_LE(plan->bytes(PlanBuffer::Kind::arena) * 10, plan->live_bytes * 11) << name;
}

TEST(ShapesOnDevice, every_network_runs_in_every_format) {
  const auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  for (const shapes::Network& network : shapes::networks()) {
    for (const auto weights : {WeightFormat::fp32, WeightFormat::fp16, WeightFormat::int8, WeightFormat::int4}) {
      const std::string name = std::string(network.name) + " " + to_string(weights);
      const shapes::Options shape = small_shape(network);
      const bool narrow = weights == WeightFormat::int8 || weights == WeightFormat::int4;
      auto graph = shapes::make_network(network.rows, shape);
      ASSERT_TRUE(graph) << name << ": " << graph.error().message;
      const quantization::Options format{.weights = weights,
                                         .activations = narrow ? ActivationFormat::int8 : ActivationFormat::real};
      const auto made = shapes::convert_network(std::move(*graph), format, shape, 1);
      ASSERT_TRUE(made) << name << ": " << made.error().message;
      expect_tight_memory(made->graph, name);
      const auto bytes = model_bytes(made->graph);
      ASSERT_TRUE(bytes) << name;
      const auto model = Model::load(std::span<const std::byte>(*bytes));
      ASSERT_TRUE(model) << name << ": " << model.error().message;
      auto session = Session::create(*device, *model);
      ASSERT_TRUE(session) << name << ": " << session.error().message;
      fill_inputs(*session);
      ASSERT_TRUE(session->run()) << name;
      expect_sensible_outputs(*session, name);
    }
  }
}

}  // namespace
}  // namespace nibble::test
