// The engine with NIBBLE_ASSERT_RULES ends a program that breaks a rule, and says which.
#include <gtest/gtest.h>

#include "networks.h"
#include "nibble/nibble.h"
#include "nibble/vulkan.h"
#include "runtime/image_access.h"
#include "runtime/model_internal.h"

namespace nibble::test {
namespace {

// Devices have threads of their own: each of these runs in a process that is started anew.
class AssertedRules : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
using AssertedRulesDeathTest = AssertedRules;

TEST_F(AssertedRulesDeathTest, end_the_program) {
  EXPECT_DEATH((void)Device::wrap({}), "a rule was broken: wrapping a device needs instance");
}

TEST_F(AssertedRulesDeathTest, of_sessions_end_it_too) {
  const Device device = Device::create().value();
  Session session = Session::create(device, make_model(residual_network()).value()).value();
  std::vector<float> output(6 * 9 * 7);
  EXPECT_DEATH((void)session.read("sum", std::span<float>(output)),
               "a rule was broken: read\\(\\) before the first run");
  EXPECT_DEATH((void)session.run_slice(std::chrono::nanoseconds(0)), "a rule was broken: .* budget of 0");
}

TEST_F(AssertedRules, are_about_rules_only) {
  const Device device = Device::create().value();
  Session session = Session::create(device, make_model(residual_network()).value()).value();
  const auto missing = session.read_tensor("nothing");
  ASSERT_FALSE(missing) << "what a user or a file can cause stays an error";
  EXPECT_EQ(missing.error().code, Code::not_found);
  ExternalImage picture;  // looked at no further than its size
  picture.image = (VkImage)uintptr_t{1};
  picture.extent = {40000, 2};
  const auto huge = image_access(device.state()->gpu, picture, false);
  ASSERT_FALSE(huge) << "nor can an application know what a device takes";
  EXPECT_NE(huge.error().message.find("40000 x 2"), std::string::npos);
  const auto reach = check_reach(device.state()->gpu, {UINT64_MAX});
  ASSERT_FALSE(reach);
  EXPECT_NE(reach.error().message.find("reaches"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
