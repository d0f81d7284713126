// nibble-inspect as a user calls it. Needs no device.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "format/writer.h"
#include "sample_graphs.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using test::expect_refused;
using test::output_of;
using test::run_tool;

constexpr const char* kTool = NIBBLE_INSPECT;

constexpr const char* kPhone = R"({
  "$schema": "https://schema.khronos.org/vulkan/profiles-0.8-latest.json#",
  "capabilities": {"device": {"properties": {"VkPhysicalDeviceProperties": {
    "apiVersion": %s, "deviceName": "a phone",
    "limits": {"maxComputeWorkGroupInvocations": 256, "maxPerStageDescriptorStorageBuffers": 8}}},
    "queueFamiliesProperties": [{"VkQueueFamilyProperties": {"queueCount": 1,
      "queueFlags": ["VK_QUEUE_COMPUTE_BIT"], "minImageTransferGranularity": {"width": 1, "height": 1, "depth": 1}}}]}},
  "profiles": {"device": {"version": 1, "api-version": "1.1.0", "capabilities": ["device"]}}
})";

class InspectTool : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("nibble_inspect_tool_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    net_ = path("net.nbl");
    ASSERT_TRUE(write_model(test::resnet20(DType::i4), net_));
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  std::string phone(const char* api_version) const {
    std::string text = kPhone;
    text.replace(text.find("%s"), 2, api_version);
    std::ofstream(path("phone.json")) << text;
    return path("phone.json");
  }

  fs::path folder_;
  std::string net_;
};

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " is not in\n" << text;
}

TEST_F(InspectTool, prints_layers_precision_share_and_memory) {
  expect_words(output_of(kTool, {net_}),
               {"input: f32[N, 3, 32, 32]", "i4 g32", "/layer1/layer1.0/conv1/Conv", "parameters      271,690",
                "40,813,184, 100.00 % of them in integers", "device memory", "least device of Vulkan 1.1"});
}

TEST_F(InspectTool, explains_the_plan_of_a_device_that_is_not_there) {
  expect_words(output_of(kTool, {net_, "--explain", "--caps", phone("4198400"), "--dim", "N=4"}),
               {"plan for a phone", "conv2d_w4_i8", "i8[4, 64, 8, 8]", "device peak"});
}

TEST_F(InspectTool, plans_for_the_kind_of_device_that_it_is_told) {
  const std::string net = path("int8.nbl"), gpu = phone("4198400");
  ASSERT_TRUE(write_model(test::resnet20(DType::i8), net));
  const std::string unknown = output_of(kTool, {net, "--explain", "--caps", gpu});
  EXPECT_EQ(unknown.find("conv2d_shared"), std::string::npos) << unknown;
  expect_words(output_of(kTool, {net, "--explain", "--caps", gpu, "--device-type", "discrete"}),
               {"conv2d_shared_w8_i8"});
  expect_words(output_of(kTool, {net, "--explain", "--device-type", "discrete"}), {"conv2d_shared_w8_i8"});
  expect_refused(run_tool(kTool, {net, "--caps", gpu, "--device-type", "fast"}),
                 {"--device-type", "fast", "integrated"});
}

TEST_F(InspectTool, refuses_vulkan_1_0_unless_it_is_asked_to_assume_1_1) {
  const std::string old_phone = phone("4194304");
  expect_refused(run_tool(kTool, {net_, "--explain", "--caps", old_phone}), {"phone.json", "1.1"});
  expect_words(output_of(kTool, {net_, "--explain", "--caps", old_phone, "--assume-vulkan-1.1"}), {"plan for a phone"});
}

TEST_F(InspectTool, writes_json) {
  output_of(kTool, {net_, "--json", path("report.json")});
  const auto report = nlohmann::json::parse(std::ifstream(path("report.json")));
  EXPECT_EQ(report["multiply_adds"], 40813184);
  EXPECT_EQ(report["integer_share"], 1.0);
  EXPECT_EQ(report["bytes"], fs::file_size(net_));
  EXPECT_EQ(report["layers"][2]["weights"], "i4 g32");
  EXPECT_GT(report["plan"]["peak_bytes"], 0);
  const auto explained = nlohmann::json::parse(output_of(kTool, {net_, "--explain", "--json", "-"}));
  // Of the 34 layers, tables and sums are joined to convolutions.
  EXPECT_EQ(report["layers"].size(), 34);
  EXPECT_EQ(explained["plan"]["steps"].size(), 26);
}

TEST_F(InspectTool, says_in_one_line_what_is_wrong) {
  expect_refused(run_tool(kTool, {path("none.nbl")}), {"none.nbl", "no such file"});
  expect_refused(run_tool(kTool, {folder_.string()}), {"folder"});
  std::ofstream(path("text.nbl")) << "hello";
  expect_refused(run_tool(kTool, {path("text.nbl")}), {"text.nbl", "not a .nbl file"});
  fs::resize_file(net_, fs::file_size(net_) - 1);
  expect_refused(run_tool(kTool, {net_}), {"net.nbl", "cut off"});
}

TEST_F(InspectTool, names_what_can_be_bound) {
  expect_refused(run_tool(kTool, {net_, "--dim", "M=4"}), {"'M'", "N"});
  expect_refused(run_tool(kTool, {net_, "--dim", "N=none"}), {"N=none", "NAME=SIZE"});
  expect_refused(run_tool(kTool, {net_, "--dim", "N"}), {"NAME=SIZE"});
}

TEST_F(InspectTool, shows_a_network_that_cannot_run_with_free_dimensions_of_one) {
  const std::string all = path("all.nbl");
  ASSERT_TRUE(write_model(test::graph_of_all_operators(), all));
  expect_words(output_of(kTool, {all}), {"floor((H+1)/(2))", "no plan", "does not fit"});
}

TEST_F(InspectTool, helps_with_examples_and_tells_its_version) {
  expect_words(output_of(kTool, {"--help"}), {"Examples:", "--explain --caps phone.json", "--dim"});
  expect_words(output_of(kTool, {"--version"}), {"nibble-inspect 0."});
  EXPECT_EQ(run_tool(kTool, {}).code, 2);
  EXPECT_EQ(run_tool(kTool, {net_, "--no-such-option"}).code, 2);
}

}  // namespace
}  // namespace nibble
