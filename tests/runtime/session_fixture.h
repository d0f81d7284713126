// A device and sessions on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/nibble.h"
#include "runtime/model_internal.h"
#include "runtime/open_device.h"

namespace nibble::test {

// The device is one for all tests of a process, so that each pipeline is compiled once: what is counted is counted as a
// difference.
class SessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto device = Device::create();
    ASSERT_TRUE(device) << device.error().message;
    shared_device().emplace(std::move(*device));
  }
  static void TearDownTestSuite() { shared_device().reset(); }
  void SetUp() override { ASSERT_TRUE(shared_device()) << "there is no device"; }

  static const Device& device() { return *shared_device(); }
  static gpu::DeviceStats stats() { return device().state()->gpu.stats(); }

  static Model model(Graph graph) {
    auto made = make_model(std::move(graph));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made).value();
  }
  static Session session(const Model& model, const SessionOptions& options = {}) {
    auto made = Session::create(device(), model, options);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made).value();
  }

 private:
  static std::optional<Device>& shared_device() {
    static std::optional<Device> device;
    return device;
  }
};

inline void expect_ok(const Status& status) { EXPECT_TRUE(status) << status.error().message; }

template <class R>
void expect_error(const R& result, Code code, const std::vector<std::string>& words) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code) << result.error().message;
  for (const std::string& word : words) {
    EXPECT_NE(result.error().message.find(word), std::string::npos)
        << word << " missing in: " << result.error().message;
  }
}

inline void expect_close(const std::vector<float>& actual, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  float most = 0;
  for (float value : expected) most = std::max(most, std::abs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * most) << "element " << i << " of " << actual.size();
  }
}

// fp32 sums of at most some hundred terms: a few units in the last place of the largest.
inline constexpr float kFp32Tolerance = 1e-5f;

}  // namespace nibble::test
