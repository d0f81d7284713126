// Every vision network gives its recorded outputs: in fp32, with fp16 weights and with fp16 activations.
#include <gtest/gtest.h>

#include "end_to_end/networks.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"

namespace nibble::test {
namespace {

class RecordedOutputs : public testing::TestWithParam<Network> {
 protected:
  void SetUp() override {
    if (network_path(GetParam()).empty()) GTEST_SKIP() << "the shared networks are not there";
    const char* slow = std::getenv("NIBBLE_TEST_SLOW");
    const char* driver = std::getenv("VK_ICD_FILENAMES");
    const bool swiftshader = driver && std::string(driver).find("swiftshader") != std::string::npos;
    if (GetParam().slow && swiftshader && !(slow && *slow == '1'))
      GTEST_SKIP() << "too slow on this driver; tests/run.sh --all runs it";
  }

  // The worst relative error over all outputs.
  double error_with(const quantization::Options& options) {
    auto record = recorded(GetParam());
    EXPECT_TRUE(record) << record.error().message;
    auto graph = quantized_network(GetParam(), options, {});
    EXPECT_TRUE(graph) << graph.error().message;
    auto device = Device::create();
    EXPECT_TRUE(device) << device.error().message;
    auto model = make_model(std::move(*graph));
    EXPECT_TRUE(model) << model.error().message;
    auto session = Session::create(*device, *model);
    EXPECT_TRUE(session) << session.error().message;
    for (const auto& input : record->inputs)
      EXPECT_TRUE(session->write(input.desc.name, std::span<const float>(input.real)));
    const Status ran = session->run();
    EXPECT_TRUE(ran) << ran.error().message;
    double worst = 0.0;
    for (size_t i = 0; i < record->outputs.size(); ++i) {
      const TensorInfo& info = session->outputs()[i];
      EXPECT_EQ(info.name, record->outputs[i].name);
      EXPECT_EQ(info.shape, record->outputs[i].shape);
      std::vector<float> values(info.elements());
      EXPECT_TRUE(session->read(info.name, values));
      worst = std::max(worst, relative_error(record->outputs[i], values));
    }
    return worst;
  }
};

TEST_P(RecordedOutputs, match_in_fp32) {
  quantization::Options options;
  options.weights = quantization::WeightFormat::fp32;
  options.activations = quantization::ActivationFormat::real;
  EXPECT_LE(error_with(options), 1e-3);
}

TEST_P(RecordedOutputs, match_with_fp16_weights) {
  quantization::Options options;
  options.weights = quantization::WeightFormat::fp16;
  options.activations = quantization::ActivationFormat::real;
  EXPECT_LE(error_with(options), 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Vision, RecordedOutputs, testing::ValuesIn(vision_networks()),
                         [](const auto& info) { return test_name(info.param.name); });

}  // namespace
}  // namespace nibble::test
