// How often an int8 network names the same class as its float original, calibrated and judged on different pictures.
#include <gtest/gtest.h>

#include <algorithm>

#include "converter/data/network_inputs.h"
#include "converter/execute/executor.h"
#include "end_to_end/networks.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"
#include "support/shared_data.h"

namespace nibble::test {
namespace {

struct Case {
  const char* network;
  const char* calibration;  // below data/
  size_t calibration_skip, calibration_count;
  const char* judged;
  size_t judged_skip, judged_count;
  double agreement;  // at least
};

class Accuracy : public testing::TestWithParam<Case> {};

size_t argmax(std::span<const float> v) {
  return static_cast<size_t>(std::max_element(v.begin(), v.end()) - v.begin());
}

Result<std::vector<std::vector<reference::FloatValue>>> load(const Graph& bound, const std::string& path, size_t skip,
                                                             size_t count, const media::Preprocessing& preprocessing) {
  auto set = media::open_samples(path, {skip, count, {}});
  if (!set) return set.error();
  std::vector<std::vector<reference::FloatValue>> out;
  for (size_t i = 0; i < set->size(); ++i) {
    auto inputs = sample_inputs(bound, *set, i, preprocessing);
    if (!inputs) return inputs.error();
    out.push_back(std::move(*inputs));
  }
  return out;
}

TEST_P(Accuracy, of_int8_stays_close_to_float) {
  const Case& c = GetParam();
  const Network& n = network(c.network);
  const auto calibration = shared_data(std::string("data/") + c.calibration),
             judged = shared_data(std::string("data/") + c.judged);
  if (network_path(n).empty() || !calibration || !judged) GTEST_SKIP() << "the shared data is not there";
  const char* driver = std::getenv("VK_ICD_FILENAMES");
  const char* slow = std::getenv("NIBBLE_TEST_SLOW");
  const bool all = slow && *slow == '1';
  if (!all && driver && std::string(driver).find("swiftshader") != std::string::npos) {
    GTEST_SKIP() << "the integers are the same on both drivers; tests/run.sh --all judges here too";
  }
  const auto preprocessing = media::parse_preprocessing(n.preprocess);
  ASSERT_TRUE(preprocessing) << preprocessing.error().message;
  auto graph = import_network(n, true);
  ASSERT_TRUE(graph) << graph.error().message;
  auto bound = bind_dims(*graph, {});
  ASSERT_TRUE(bound);
  auto samples = load(*bound, calibration->string(), c.calibration_skip, c.calibration_count, *preprocessing);
  ASSERT_TRUE(samples) << samples.error().message;
  auto quantized = quantized_network(n, {}, *samples);
  ASSERT_TRUE(quantized) << quantized.error().message;
  auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  auto model = make_model(std::move(*quantized));
  ASSERT_TRUE(model) << model.error().message;
  auto session = Session::create(*device, *model);
  ASSERT_TRUE(session) << session.error().message;
  auto executor = make_cpu_executor(*bound);
  ASSERT_TRUE(executor) << executor.error().message;

  // A quarter of the pictures is enough to see a break; --all judges on all.
  auto pictures =
      load(*bound, judged->string(), c.judged_skip, all ? c.judged_count : c.judged_count / 4, *preprocessing);
  ASSERT_TRUE(pictures) << pictures.error().message;
  size_t equal = 0;
  for (auto& inputs : *pictures) {
    ASSERT_TRUE(session->write("", std::span<const float>(inputs[0].real)));
    ASSERT_TRUE(session->run());
    std::vector<float> found(session->outputs()[0].elements());
    ASSERT_TRUE(session->read(session->outputs()[0].name, found));
    auto expected = (*executor)->run(std::move(inputs), {});
    ASSERT_TRUE(expected) << expected.error().message;
    equal += argmax(found) == argmax((*expected)[0].real);
  }
  const double agreement = static_cast<double>(equal) / static_cast<double>(pictures->size());
  std::printf("%s: %.2f %% of %zu agree\n", c.network, 100.0 * agreement, pictures->size());
  // On a quarter of the pictures chance may cost two points.
  EXPECT_GE(agreement, c.agreement - (all ? 0.0 : 0.02));
}

INSTANTIATE_TEST_SUITE_P(Vision, Accuracy,
                         testing::Values(Case{"mnist-8", "mnist-subset", 0, 100, "mnist-subset", 100, 1900, 0.995},
                                         Case{"resnet20_cifar10", "cifar10-jpg/calib", 0, 1000, "cifar10-jpg/test/cat",
                                              0, 500, 0.97},
                                         Case{"squeezenet1_1", "imagenet-sample-500/labels.tsv", 0, 100,
                                              "imagenet-sample-500/labels.tsv", 100, 400, 0.94},
                                         Case{"mobilenet_v2_1.0_224", "imagenet-sample-500/labels.tsv", 0, 100,
                                              "imagenet-sample-500/labels.tsv", 100, 400, 0.95}),
                         [](const auto& info) { return test_name(info.param.network); });

}  // namespace
}  // namespace nibble::test
