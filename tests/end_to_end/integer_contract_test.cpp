// The integer contract on whole networks: from the same stored integers, the device and the integer oracle make the
// same stored integers in every integer node, with no step of tolerance.
#include <gtest/gtest.h>

#include <cstring>

#include "core/text.h"
#include "end_to_end/networks.h"
#include "graph/cost.h"
#include "nibble/session.h"
#include "ops/op.h"
#include "reference/evaluate.h"
#include "runtime/model_internal.h"

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

// The tensor as the device left it.
Result<reference::Value> device_value(const Session& session, const TensorDesc& desc) {
  auto values = session.read_tensor(desc.name);
  if (!values) return values.error();
  return reference::value_from_bytes<double>(desc, values->bytes);
}

// Empty when all elements are equal.
std::string difference(const reference::Value& device, const reference::Value& oracle) {
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < oracle.stored.size(); ++i) {
    if (device.stored[i] == oracle.stored[i]) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return "";
  return format("%zu of %zu differ; element %zu is %lld, expected %lld", wrong, oracle.stored.size(), first,
                static_cast<long long>(device.stored[first]), static_cast<long long>(oracle.stored[first]));
}

void make_names_unique(Graph& graph) {
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    if (!graph.tensors[i].is_constant()) graph.tensors[i].desc.name = "t" + std::to_string(i);
  }
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
  make_names_unique(*bound);

  auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  auto model = make_model(*bound);
  ASSERT_TRUE(model) << model.error().message;
  SessionOptions session_options;
  session_options.keep_all = true;
  auto session = Session::create(*device, *model, session_options);
  ASSERT_TRUE(session) << session.error().message;
  for (size_t i = 0; i < record->inputs.size(); ++i) {
    ASSERT_TRUE(session->write(session->inputs()[i].name, std::span<const float>(record->inputs[i].real)));
  }
  const Status ran = session->run();
  ASSERT_TRUE(ran) << ran.error().message;

  size_t compared = 0;
  for (const Node& node : bound->nodes) {
    if (!is_integer_node(*bound, node)) continue;
    std::vector<reference::Value> inputs;
    inputs.reserve(node.inputs.size());
    std::vector<const reference::Value*> pointers;
    for (TensorId id : node.inputs) {
      const bool fed = id != kNoTensor && !bound->tensor(id).is_constant();
      if (fed) {
        auto value = device_value(*session, bound->desc(id));
        ASSERT_TRUE(value) << value.error().message;
        inputs.push_back(std::move(*value));
      }
      pointers.push_back(fed ? &inputs.back() : nullptr);
    }
    auto expected = reference::evaluate_node<double>(*bound, node, pointers);
    ASSERT_TRUE(expected) << expected.error().message;
    auto found = device_value(*session, bound->desc(node.outputs[0]));
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(difference(*found, (*expected)[0]), "") << op_name(node) << " '" << node.name << "'";
    ++compared;
  }
  EXPECT_GT(compared, 0u);
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
