#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "converter/report/comparison.h"

namespace nibble::report {
namespace {

Comparison classified(std::optional<int> label) {
  Comparison c;
  c.reference = {"net.onnx", "cpu", 4000, 3900, {}};
  c.stored = {"net.nbl", "some device", 1000, 900, {}};
  c.reference.times.add(0.002, false);
  c.stored.times.add(0.001, false);
  c.task = Task::classify;
  c.samples = 1;
  const RealTensor a{"y", DType::f32, false, {1, 2}, {3.0f, 4.0f}}, b{"y", DType::f32, false, {1, 2}, {3.0f, 3.5f}};
  EXPECT_TRUE(c.classes.add(a, b, label));
  c.outputs.push_back({"y", {}});
  c.outputs[0].sums.add(a.values, b.values);
  return c;
}

TEST(ResultJson, has_what_scripts_rely_on) {
  const auto json = nlohmann::json::parse(to_json(classified(1)));
  EXPECT_EQ(json["samples"], 1);
  EXPECT_EQ(json["agreement"], 1.0);
  EXPECT_EQ(json["top1"], 1.0);
  EXPECT_EQ(json["top1_reference"], 1.0);
  EXPECT_EQ(json["bytes_reference"], 4000);
  EXPECT_EQ(json["bytes"], 1000);
  EXPECT_NEAR(json["latency_ms"].get<double>(), 1.0, 1e-9);
  EXPECT_NEAR(json["sqnr_db"].get<double>(), 20.0, 1e-6);
  EXPECT_EQ(json["outputs"][0]["name"], "y");
  EXPECT_NEAR(json["outputs"][0]["max_abs_error"].get<double>(), 0.5, 1e-9);
  EXPECT_EQ(json["agreement_interval"].size(), 2u);
  EXPECT_FALSE(json.contains("iou"));
}

TEST(ResultJson, accuracy_is_null_without_labels) {
  const auto json = nlohmann::json::parse(to_json(classified(std::nullopt)));
  EXPECT_TRUE(json["top1"].is_null());
  EXPECT_TRUE(json["top1_reference"].is_null());
  EXPECT_TRUE(json["top5"].is_null());
}

TEST(ResultJson, values_that_are_not_finite_become_null) {
  Comparison c = classified(1);
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  c.outputs[0].sums.add(std::vector<float>{1.0f}, std::vector<float>{kNan});
  LayerError layer{"conv", "Conv2d", "conv", {}, 0.0};
  layer.sums.add(std::vector<float>{0.0f}, std::vector<float>{1.0f});
  c.layers.push_back(layer);
  const std::string text = to_json(c);
  const auto json = nlohmann::json::parse(text);
  EXPECT_TRUE(json["sqnr_db"].is_null());
  EXPECT_TRUE(json["outputs"][0]["max_abs_error"].is_null());
  EXPECT_EQ(json["outputs"][0]["not_finite"], 1);
  EXPECT_TRUE(json["layers"][0]["sqnr_db"].is_null());
  EXPECT_EQ(json["layers"][0]["max_abs"], 1.0);
  for (const char* word : {": nan", ": inf", ": -inf", ": NaN"}) EXPECT_EQ(text.find(word), std::string::npos);
}

TEST(ResultJson, task_figures_are_there_with_the_task) {
  Comparison c = classified(std::nullopt);
  c.task = Task::segment;
  c.masks.emplace();
  const RealTensor mask{"y", DType::f32, false, {1, 1, 1, 2}, {1.0f, 0.0f}};
  ASSERT_TRUE(c.masks->add(mask, mask, media::Layout::nchw));
  const auto json = nlohmann::json::parse(to_json(c));
  EXPECT_EQ(json["iou"], 1.0);
  EXPECT_EQ(json["agreement_of"], "pixels");
  EXPECT_TRUE(json["agreement_interval"].is_null());
}

TEST(ResultJson, pictures_have_no_decisions_to_agree_on) {
  Comparison c = classified(std::nullopt);
  c.task = Task::image;
  c.pictures.emplace();
  const RealTensor a{"y", DType::f32, false, {1, 1, 1, 2}, {1.0f, 0.0f}},
      b{"y", DType::f32, false, {1, 1, 1, 2}, {0.9f, 0.1f}};
  ASSERT_TRUE(c.pictures->add(a, b, {}));
  const auto json = nlohmann::json::parse(to_json(c));
  EXPECT_TRUE(json["agreement"].is_null());
  EXPECT_NEAR(json["psnr_db"].get<double>(), 20.0, 1e-4);
}

TEST(ResultText, lists_the_worst_layers_first) {
  Comparison c = classified(1);
  c.layer_samples = 1;
  for (const auto& [name, error] : {std::pair{"first", 0.1f}, {"second", 0.5f}}) {
    LayerError layer{name, "Conv2d", name, {}, 0.0};
    layer.sums.add(std::vector<float>{1.0f}, std::vector<float>{1.0f + error});
    c.layers.push_back(layer);
  }
  const std::string text = to_text(c, 2);
  EXPECT_LT(text.find("second"), text.find("first"));
  EXPECT_EQ(to_text(c, 1).find("first"), std::string::npos);
  EXPECT_NE(text.find("top-1"), std::string::npos);
}

}  // namespace
}  // namespace nibble::report
