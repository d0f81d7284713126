// The integer contract on whole networks: from the same stored integers, the device and the integer oracle make the
// same stored integers in every integer node, with no step of tolerance.
#include <gtest/gtest.h>

#include "end_to_end/networks.h"
#include "graph/cost.h"
#include "tests/support/integer_nodes.h"

namespace nibble::test {
namespace {

struct Format {
  quantization::WeightFormat weights;
  double integer_share;  // of the multiply-adds, at least
};

class IntegerContract : public testing::TestWithParam<std::tuple<Network, Format>> {
 protected:
  void SetUp() override {
    const Network& network = std::get<0>(GetParam());
    if (network_path(network).empty()) GTEST_SKIP() << "the shared networks are not there";
    const char* slow = std::getenv("NIBBLE_TEST_SLOW");
    const char* driver = std::getenv("VK_ICD_FILENAMES");
    const bool swiftshader = driver && std::string(driver).find("swiftshader") != std::string::npos;
    if (network.slow && swiftshader && !(slow && *slow == '1'))
      GTEST_SKIP() << "too slow on this driver; tests/run.sh --all runs it";
  }
};

double integer_share(const Graph& graph) {
  uint64_t all = 0, integer = 0;
  for (const Node& node : graph.nodes) {
    const uint64_t n = multiply_adds(graph, node);
    all += n;
    if (is_integer_node(graph, node)) integer += n;
  }
  return all ? static_cast<double>(integer) / static_cast<double>(all) : 1.0;
}

TEST_P(IntegerContract, device_and_oracle_agree_to_the_bit) {
  const auto& [network, format] = GetParam();
  auto record = recorded(network);
  ASSERT_TRUE(record) << record.error().message;
  quantization::Options options;
  options.weights = format.weights;
  auto graph = quantized_network(network, options, {record->inputs});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_GE(integer_share(*graph), format.integer_share);
  auto bound = bind_dims(*graph, {});
  ASSERT_TRUE(bound) << bound.error().message;
  std::vector<std::vector<float>> inputs;
  for (const auto& value : record->inputs) inputs.emplace_back(value.real.begin(), value.real.end());
  EXPECT_GT(expect_equal_integer_nodes(*std::move(bound), inputs), 0u);
}

constexpr Format kInt8{quantization::WeightFormat::int8, 0.95};
constexpr Format kInt4{quantization::WeightFormat::int4, 0.85};

INSTANTIATE_TEST_SUITE_P(Vision, IntegerContract,
                         testing::Combine(testing::ValuesIn(vision_networks()), testing::Values(kInt8, kInt4)),
                         [](const auto& info) {
                           return test_name(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param).weights == quantization::WeightFormat::int8 ? "_int8"
                                                                                                       : "_int4");
                         });

}  // namespace
}  // namespace nibble::test
