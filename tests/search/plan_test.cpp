#include "converter/plan/plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op.h"

namespace nibble::plan {
namespace {

Plan full_plan() {
  Plan p;
  p.network = "0123456789abcdef";
  p.samples = 100;
  p.sample_names = "89abcdef";
  p.recipe = {{"ranges", "mse"}, {"rounding", "gptq"}};
  p.removed_blocks = {"block \"3\"\n"};
  p.redundant = {{"conv0", 6, {0, 1, 5}}};
  p.channels = {{"conv1", 8, {0, 2, 7}}, {"conv2", 4, {}}};
  p.ranges = {{"x", -0.1f, std::nextafter(1.0f, 2.0f), "mse"}, {"y", 1e-38f, 3.4e38f, "entropy"}};
  p.layers = {{"conv1", "int4", 64, "gptq", ""}, {"conv2", "int8", 0, "nearest", "first layer"}};
  p.masks = {{"conv1", "2:4", 6, {true, false, false, true, true, true}}};
  return p;
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& text, const std::vector<std::string>& words) {
  const auto plan = parse(text);
  ASSERT_FALSE(plan) << text;
  for (const std::string& word : words)
    EXPECT_NE(plan.error().message.find(word), std::string::npos) << plan.error().message;
}

TEST(Plan, comes_back_bit_for_bit) {
  const Plan plan = full_plan();
  const std::string text = to_json(plan);
  const auto again = parse(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, plan);
  EXPECT_EQ(to_json(*again), text);
}

TEST(Plan, names_the_place_of_what_is_wrong) {
  const std::string text = to_json(full_plan());
  expect_refused("{", {"not JSON"});
  expect_refused("[]", {"object"});
  expect_refused(changed(text, "nibble plan 1", "nibble plan 9"), {"format", "nibble plan 9"});
  expect_refused(changed(text, "\"group_size\": 64", "\"group_size\": -64"), {"layers[0].group_size", "-64"});
  expect_refused(changed(text, "\"group_size\": 64", "\"group_size\": 5000000000"), {"layers[0].group_size"});
  expect_refused(changed(text, "\"rounding\": \"gptq\",", "\"round\": \"gptq\","), {"layers[0].rounding", "missing"});
  expect_refused(changed(text, "\"samples\":", "\"simples\": 0, \"samples\":"), {"simples", "not known"});
  expect_refused(changed(text, "\"kept\": \"9c\"", "\"kept\": \"9\""), {"masks[0].kept", "2"});
  expect_refused(changed(text, "\"kept\": \"9c\"", "\"kept\": \"9x\""), {"masks[0].kept", "'x'"});
  expect_refused(changed(text, "\"weights\": 6", "\"weights\": 9223372036854775807"), {"masks[0].kept"});
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  expect_refused(deep, {"not JSON"});
  expect_refused(changed(text, "\"nibble plan 1\"", deep), {"not JSON"});
  expect_refused(changed(text, "\"nibble plan 1\"", "[[[1]]]"), {"format", "nibble plan 1"});
  expect_refused(changed(text, "\"group_size\": 64", "\"group_size\": [[64]]"), {"layers[0].group_size", "a list"});
  Plan falling = full_plan();
  falling.channels[0].keep = {2, 0};
  expect_refused(to_json(falling), {"channels[0].keep[1]", "rising"});
  falling.channels[0].keep = {0, 8};
  expect_refused(to_json(falling), {"channels[0].keep[1]", "7"});
  Plan crossed = full_plan();
  std::swap(crossed.ranges[1].low, crossed.ranges[1].high);
  expect_refused(to_json(crossed), {"ranges[1]", "low"});
}

TEST(Plan, every_cut_of_the_text_is_refused) {
  const std::string text = to_json(full_plan());
  for (size_t n = 0; n + 2 < text.size(); n += 7) EXPECT_FALSE(parse(text.substr(0, n))) << n;
}

Graph small_graph(float weight) {
  Graph g;
  g.inputs = {g.add_tensor({"x", DType::f32, {1, 1, 2, 2}, {}, Packing::plain})};
  const TensorId w =
      g.add_constant({"w", DType::f32, {1, 1, 1, 1}, {}, Packing::plain}, ConstantData::of(std::vector<float>{weight}));
  EXPECT_TRUE(g.add_node("conv", Conv2d{}, {0, w}));
  g.outputs = {g.nodes[0].outputs[0]};
  return g;
}

TEST(Plan, fits_its_own_network_only) {
  Plan plan;
  plan.network = fingerprint(small_graph(1.0f));
  EXPECT_TRUE(check_fits(plan, small_graph(1.0f)));
  EXPECT_FALSE(check_fits(plan, small_graph(2.0f)));  // another constant
  plan.layers = {{"conv", "int8", 0, "nearest", ""}};
  EXPECT_TRUE(check_fits(plan, small_graph(1.0f)));
  plan.layers.push_back({"other", "int8", 0, "nearest", ""});
  const Status status = check_fits(plan, small_graph(1.0f));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("'other'"), std::string::npos);
}

TEST(Plan, metadata_is_not_part_of_the_network) {
  Graph g = small_graph(1.0f);
  g.metadata["producer"] = "somebody";
  EXPECT_EQ(fingerprint(g), fingerprint(small_graph(1.0f)));
}

}  // namespace
}  // namespace nibble::plan
