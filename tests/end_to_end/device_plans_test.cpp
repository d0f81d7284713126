// Every vision network, in every format, can be planned for every device whose capabilities are in the shared data.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "end_to_end/networks.h"
#include "runtime/plan.h"
#include "support/shared_data.h"
#include "tools/caps_file.h"

namespace nibble::test {
namespace {

std::vector<std::filesystem::path> capability_files() {
  std::vector<std::filesystem::path> out;
  if (const auto folder = shared_data("data/vulkan-devices")) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
      if (entry.path().extension() == ".json") out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

class DevicePlans : public testing::TestWithParam<Network> {};

TEST_P(DevicePlans, exist_for_every_device_and_format) {
  const auto files = capability_files();
  if (files.empty() || network_path(GetParam()).empty()) GTEST_SKIP() << "the shared data is not there";
  auto record = recorded(GetParam());
  ASSERT_TRUE(record) << record.error().message;
  using quantization::ActivationFormat;
  using quantization::WeightFormat;
  for (const WeightFormat weights : {WeightFormat::fp32, WeightFormat::fp16, WeightFormat::int8, WeightFormat::int4}) {
    quantization::Options options;
    options.weights = weights;
    const bool integers = weights == WeightFormat::int8 || weights == WeightFormat::int4;
    options.activations = integers ? ActivationFormat::int8 : ActivationFormat::real;
    auto graph = quantized_network(GetParam(), options, {record->inputs});
    ASSERT_TRUE(graph) << graph.error().message;
    for (const auto& file : files) {
      auto caps = read_caps_file(file.string(), {.assume_api_1_1 = true});
      ASSERT_TRUE(caps) << caps.error().message;
      // Files say nothing of whose memory it is.
      // mnist-8's convolutions read 1 and 8 channels, too few for tiles in shared memory.
      const bool own_memory = weights == WeightFormat::int8 && caps->device_type != gpu::DeviceType::cpu &&
                              GetParam().name != std::string_view("mnist-8");
      if (own_memory) {
        auto own = *caps;
        own.device_type = gpu::DeviceType::discrete;
        const auto plan = make_plan(*graph, own, {});
        ASSERT_TRUE(plan) << file.filename() << ": " << plan.error().message;
        EXPECT_TRUE(std::any_of(plan->steps.begin(), plan->steps.end(), [](const Step& step) {
          return kernel_table()[static_cast<size_t>(step.kernel)].family == Family::conv2d_shared;
        })) << file.filename();
      }
      auto plan = make_plan(*graph, *caps, {});
      ASSERT_TRUE(plan) << file.filename() << ": " << plan.error().message;
      for (const Step& step : plan->steps) EXPECT_LE(step.bindings.size(), 4u) << step.label;
      EXPECT_GE(plan->integer_share(), weights == WeightFormat::int8   ? 0.95
                                       : weights == WeightFormat::int4 ? 0.85
                                                                       : 0.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vision, DevicePlans, testing::ValuesIn(vision_networks()),
                         [](const auto& info) { return test_name(info.param.name); });

TEST(Android2021, is_refused_by_name_unless_taken_for_1_1) {
  const auto folder = shared_data("data/vulkan-devices");
  if (!folder) GTEST_SKIP() << "the shared data is not there";
  const std::string path = (*folder / "VP_ANDROID_vulkan_profile_2021.json").string();
  const auto refused = read_caps_file(path, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("1.0"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(read_caps_file(path, {.assume_api_1_1 = true}));
}

}  // namespace
}  // namespace nibble::test
