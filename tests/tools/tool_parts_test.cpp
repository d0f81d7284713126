// Parts of the tools that need no device.
#include <gtest/gtest.h>

#include <cstring>

#include "tools/bench_statistics.h"
#include "tools/picture_drawing.h"
#include "tools/tensor_values.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

TEST(StatisticsTest, quantiles_lie_between_neighbours) {
  const std::vector<double> values = {40, 10, 30, 20, 50};
  const Statistics s = statistics(values);
  EXPECT_EQ(s.count, 5u);
  EXPECT_DOUBLE_EQ(s.median, 30);
  EXPECT_DOUBLE_EQ(s.p10, 14);
  EXPECT_DOUBLE_EQ(s.p90, 46);
  EXPECT_DOUBLE_EQ(s.p99, 49.6);
  EXPECT_DOUBLE_EQ(s.min, 10);
  EXPECT_DOUBLE_EQ(s.max, 50);
  EXPECT_DOUBLE_EQ(s.mean, 30);
  EXPECT_NEAR(s.deviation, 15.8114, 1e-4);
  EXPECT_EQ(statistics({}).count, 0u);
}

TEST(StatisticsTest, ratio_pairs_runs_and_narrows_with_their_number) {
  std::vector<double> a, b;
  for (int i = 0; i < 100; ++i) {
    a.push_back(1 + i);
    b.push_back((1 + i) * (1.0 + i * 0.01));  // ratios 1.00, 1.01, ... 1.99
  }
  const Ratio all = ratio(a, b);
  EXPECT_EQ(all.pairs, 100u);
  EXPECT_NEAR(all.median, 1.495, 1e-9);
  EXPECT_NEAR(all.low, 1.40, 1e-9);   // floor((100 - 19.6) / 2) = 40 from below
  EXPECT_NEAR(all.high, 1.59, 1e-9);  // and from above
  const Ratio few = ratio(std::span(a).first(3), std::span(b).first(3));
  EXPECT_NEAR(few.low, 1.00, 1e-9);
  EXPECT_NEAR(few.high, 1.02, 1e-9);
}

TEST(DimsTest, reads_name_and_size) {
  const auto dims = parse_dims({"N=4", "a=b=7"});
  ASSERT_TRUE(dims) << dims.error().message;
  EXPECT_EQ(*dims, (std::map<std::string, int64_t>{{"N", 4}, {"a=b", 7}}));
  for (const char* text : {"N", "=4", "N=", "N=-1", "N=0", "N=4x", "N=99999999999"})
    EXPECT_FALSE(parse_dims({text})) << text;
  EXPECT_FALSE(parse_dims({"N=4", "N=5"}));
}

TEST(DrawingTest, class_colors_are_those_of_pascal_voc) {
  EXPECT_EQ(class_color(0), (std::array<uint8_t, 3>{0, 0, 0}));
  EXPECT_EQ(class_color(1), (std::array<uint8_t, 3>{128, 0, 0}));
  EXPECT_EQ(class_color(12), (std::array<uint8_t, 3>{64, 0, 128}));
  EXPECT_EQ(class_color(20), (std::array<uint8_t, 3>{0, 64, 128}));
}

TEST(DrawingTest, frames_stay_inside_the_picture) {
  media::Image image = media::make_image(8, 6, 3);
  const std::vector<media::Box> boxes = {{.x1 = -50, .y1 = -1e9f, .x2 = 4, .y2 = 1e9f, .score = 1, .label = 0}};
  draw_boxes(image, boxes);
  EXPECT_EQ(image.at(0, 3)[0], 128);
  EXPECT_EQ(image.at(3, 3)[0], 128);
  EXPECT_EQ(image.at(1, 3)[0], 0);
  EXPECT_EQ(image.at(4, 3)[0], 0);
}

TEST(DrawingTest, colors_the_best_class_of_each_pixel) {
  // [1, 2, 1, 3]: class 0 wins in the first pixel, class 1 in the others.
  const std::vector<float> values = {5, 1, 1, 0, 2, 2};
  const auto image = class_picture(values, std::vector<int64_t>{1, 2, 1, 3}, std::nullopt);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{0, 0, 0, 128, 0, 0, 128, 0, 0}));
}

TensorInfo info(DType type, bool quantized = false, float scale = 1.0f, int32_t zero_point = 0) {
  TensorInfo out;
  out.name = "x";
  out.type = type;
  out.shape = {3};
  out.quantized = quantized;
  out.scale = scale;
  out.zero_point = zero_point;
  return out;
}

template <class T>
media::NpyArray array(DType type, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {type, {static_cast<int64_t>(values.size())}, {bytes.begin(), bytes.end()}};
}

template <class T>
std::vector<T> values_of(const Result<std::vector<std::byte>>& bytes) {
  EXPECT_TRUE(bytes) << bytes.error().message;
  if (!bytes) return {};
  std::vector<T> out(bytes->size() / sizeof(T));
  std::memcpy(out.data(), bytes->data(), bytes->size());
  return out;
}

TEST(TensorValuesTest, converts_where_nothing_is_lost_or_meant_to_be) {
  EXPECT_EQ(values_of<float>(elements_of(info(DType::f32), array<uint16_t>(DType::f16, {0x3c00, 0xc000, 0}))),
            (std::vector<float>{1, -2, 0}));
  EXPECT_EQ(values_of<uint16_t>(elements_of(info(DType::f16), array<float>(DType::f32, {1, -2, 0}))),
            (std::vector<uint16_t>{0x3c00, 0xc000, 0}));
  EXPECT_EQ(
      values_of<int8_t>(elements_of(info(DType::i8, true, 0.25f, -1), array<float>(DType::f32, {1, -1000, 0.4f}))),
      (std::vector<int8_t>{3, -128, 1}));
  EXPECT_EQ(
      values_of<uint8_t>(elements_of(info(DType::u8, true, 0.5f, 10), array<float>(DType::f32, {1, -1000, 1000}))),
      (std::vector<uint8_t>{12, 0, 255}));
  EXPECT_EQ(values_of<int64_t>(elements_of(info(DType::i64), array<int32_t>(DType::i32, {1, -2, 3}))),
            (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(values_of<int32_t>(elements_of(info(DType::i32), array<int64_t>(DType::i64, {1, -2, 3}))),
            (std::vector<int32_t>{1, -2, 3}));
}

TEST(TensorValuesTest, refuses_what_would_lose_values) {
  EXPECT_FALSE(elements_of(info(DType::i32), array<int64_t>(DType::i64, {1, int64_t{1} << 40, 3})));
  EXPECT_FALSE(elements_of(info(DType::i8), array<float>(DType::f32, {1, 2, 3})));
  EXPECT_FALSE(elements_of(info(DType::f32), array<int32_t>(DType::i32, {1, 2, 3})));
  EXPECT_FALSE(elements_of(info(DType::u8), array<int8_t>(DType::i8, {1, 2, 3})));
}

TEST(TensorValuesTest, real_numbers_of_quantized_values) {
  const std::vector<int8_t> stored = {-128, 0, 5};
  EXPECT_EQ(to_real(info(DType::i8, true, 0.5f, 5), std::as_bytes(std::span(stored))),
            (std::vector<float>{-66.5f, -2.5f, 0}));
  EXPECT_EQ(to_real(info(DType::i8), std::as_bytes(std::span(stored))), (std::vector<float>{-128, 0, 5}));
}

TEST(TextTest, control_characters_do_not_reach_the_terminal) {
  EXPECT_EQ(printable("a\x1b[31m\nb"), "a?[31m?b");
  EXPECT_EQ(printable("größe"), "größe");
}

}  // namespace
}  // namespace nibble::tools
