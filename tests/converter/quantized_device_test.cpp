// Quantized networks of the converter's making give the oracle's bytes on the device.
#include <set>

#include "nibble/nibble.h"
#include "runtime/model_internal.h"
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using quantization::Options;
using quantization::WeightFormat;

// uint8 in and out, so that nothing in between is float: Conv, table, pools, Concat, Add, Conv.
OnnxBuilder network() {
  OnnxBuilder b;
  b.input("x", {"1", "4", "9", "7"})
      .output("y")
      .floats("w1", {8, 4, 3, 3}, noise(288, 1))
      .floats("b1", {8}, noise(8, 2));
  b.floats("w2", {8, 8, 1, 1}, noise(64, 3))
      .floats("w3", {3, 16, 1, 1}, noise(48, 4))
      .floats("slope", {8, 1, 1}, noise(8, 5));
  b.node("Conv", {"x", "w1", "b1"}, {"c"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})
      .node("PRelu", {"c", "slope"}, {"p"})
      .node("Sigmoid", {"p"}, {"s"});
  b.node("Conv", {"s", "w2", "b1"}, {"d"})
      .node("Add", {"d", "p"}, {"a"})
      .node("AveragePool", {"a"}, {"v"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  b.node("MaxPool", {"p"}, {"m"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}})
      .node("Concat", {"v", "m"}, {"j"}, {{"axis", int64_t{1}}});
  b.node("Conv", {"j", "w3"}, {"y"});
  return b;
}

TEST(quantized_device, computes_the_same_bytes_as_the_oracle) {
  auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  for (const WeightFormat weights : {WeightFormat::int8, WeightFormat::int4, WeightFormat::lut4}) {
    Options options{.weights = weights};
    options.byte_input = {{2.0f / 255, 2.0f / 255, 2.0f / 255, -2.0f / 255}, {-1, -1, -1, 1}};
    options.byte_output = {{0.05f}, {-4}};
    const QuantizedNet net = quantize_net(network(), options);
    Floats input;
    for (size_t i = 0; i < 252; ++i) input.push_back(static_cast<float>((i * 37) % 256));
    const auto expected = run_one(net.quantized.graph, input);
    const auto model = Model::load(std::as_bytes(std::span(net.bytes)));
    ASSERT_TRUE(model) << model.error().message;
    auto session = Session::create(*device, *model);
    ASSERT_TRUE(session) << session.error().message;
    const std::vector<uint8_t> bytes(input.begin(), input.end());
    ASSERT_TRUE(session->write("x", std::span<const uint8_t>(bytes)));
    ASSERT_TRUE(session->run());
    std::vector<uint8_t> out(session->outputs()[0].elements());
    ASSERT_TRUE(session->read("y", std::span<uint8_t>(out)));
    EXPECT_EQ(std::vector<double>(out.begin(), out.end()), expected);
    EXPECT_GT(std::set<uint8_t>(out.begin(), out.end()).size(), 10u) << "the result says nothing";
  }
}

}  // namespace
}  // namespace nibble::test
