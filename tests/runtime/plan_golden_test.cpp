// Whole plans as text, for devices that are not there. After a change that is meant to alter plans, run the test once
// with NIBBLE_UPDATE_GOLDEN=1 in the environment and look at what git shows.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "networks.h"
#include "runtime/plan.h"
#include "tests/support/source_folder.h"

namespace nibble::test {
namespace {

std::filesystem::path golden(const std::string& name) { return source_folder() / "tests/runtime/goldens" / name; }

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void expect_plan(const Graph& graph, const std::string& network, const std::string& device) {
  auto caps = gpu::parse_text(content(golden(device + ".caps")));
  ASSERT_TRUE(caps) << caps.error().message;
  auto plan = make_plan(graph, *caps, {});
  ASSERT_TRUE(plan) << plan.error().message;
  const auto path = golden(network + "." + device + ".plan");
  if (std::getenv("NIBBLE_UPDATE_GOLDEN")) std::ofstream(path, std::ios::binary) << explain(*plan);
  EXPECT_EQ(explain(*plan), content(path)) << "in " << path.filename();
}

TEST(PlanGolden, a_float_network_on_a_phone) { expect_plan(residual_network(), "residual", "phone"); }
TEST(PlanGolden, a_float_network_on_a_desktop_gpu) { expect_plan(residual_network(), "residual", "desktop"); }
TEST(PlanGolden, an_integer_network_on_a_phone) { expect_plan(integer_network(), "integer", "phone"); }
TEST(PlanGolden, an_integer_network_on_a_desktop_gpu) { expect_plan(integer_network(), "integer", "desktop"); }

}  // namespace
}  // namespace nibble::test
