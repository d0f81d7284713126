#include <numeric>

#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

using C = ResizeCoordinates;

Resize scaled(ResizeMode mode, C coordinates, float scale_h, float scale_w) {
  Resize op;
  op.mode = mode;
  op.coordinates = coordinates;
  op.scale_h = scale_h;
  op.scale_w = scale_w;
  return op;
}

Resize sized(ResizeMode mode, C coordinates, int64_t height, int64_t width) {
  Resize op = scaled(mode, coordinates, 0.0f, 0.0f);
  op.sizes = {height, width};
  return op;
}

CaseInput one_to(int64_t rows, int64_t columns) {
  CaseInput out = f32({1, 1, rows, columns});
  for (int64_t i = 1; i <= rows * columns; ++i) out.elements.push_back(static_cast<double>(i));
  return out;
}

std::vector<double> first_row(const std::vector<double>& y, size_t width) {
  return {y.begin(), y.begin() + static_cast<std::ptrdiff_t>(width)};
}

// The expected numbers are those published with the ONNX operator.
TEST(resize, linear_upsampling) {
  expect_near(evaluated(scaled(ResizeMode::linear, C::half_pixel, 2, 2), {one_to(2, 2)}),
              {1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}, 1e-6);
  expect_near(
      evaluated(scaled(ResizeMode::linear, C::align_corners, 2, 2), {one_to(2, 2)}),
      {1, 4.0 / 3, 5.0 / 3, 2, 5.0 / 3, 2, 7.0 / 3, 8.0 / 3, 7.0 / 3, 8.0 / 3, 3, 10.0 / 3, 3, 10.0 / 3, 11.0 / 3, 4},
      1e-6);
}

TEST(resize, linear_downsampling) {
  expect_near(evaluated(scaled(ResizeMode::linear, C::half_pixel, 0.6f, 0.6f), {one_to(2, 4)}), {2.6666665, 4.3333331},
              1e-6);
  expect_near(evaluated(scaled(ResizeMode::linear, C::align_corners, 0.6f, 0.6f), {one_to(2, 4)}), {1, 4}, 1e-6);
  expect_near(evaluated(sized(ResizeMode::linear, C::pytorch_half_pixel, 3, 1), {one_to(4, 4)}), {5.0 / 3, 7, 37.0 / 3},
              1e-5);
}

TEST(resize, cubic_upsampling) {
  const auto y = evaluated(scaled(ResizeMode::cubic, C::half_pixel, 2, 2), {one_to(4, 4)});
  expect_near(first_row(y, 8), {0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375},
              1e-6);
  const auto aligned = evaluated(scaled(ResizeMode::cubic, C::align_corners, 2, 2), {one_to(4, 4)});
  expect_near(first_row(aligned, 4), {1.0, 1.34110787, 1.80029155, 2.32944606}, 1e-5);
}

TEST(resize, cubic_without_what_lies_outside) {
  Resize op = scaled(ResizeMode::cubic, C::half_pixel, 2, 2);
  op.cubic_a = -0.5f;
  op.exclude_outside = true;
  const auto y = evaluated(op, {one_to(4, 4)});
  expect_near(first_row(y, 8),
              {0.55882353, 0.81494204, 1.35698249, 1.89705882, 2.39705882, 2.93713516, 3.47917561, 3.73529412}, 1e-6);
}

TEST(resize, nearest_pixels) {
  EXPECT_EQ(evaluated(scaled(ResizeMode::nearest, C::half_pixel, 2, 3), {one_to(2, 2)}),
            (std::vector<double>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4}));
  EXPECT_EQ(evaluated(scaled(ResizeMode::nearest, C::half_pixel, 0.6f, 0.6f), {one_to(2, 4)}),
            (std::vector<double>{1, 3}));
  Resize op = sized(ResizeMode::nearest, C::align_corners, 8, 8);
  op.nearest = NearestMode::floor;
  EXPECT_EQ(first_row(evaluated(op, {one_to(4, 4)}), 8), (std::vector<double>{1, 1, 1, 2, 2, 3, 3, 4}));
  op.coordinates = C::half_pixel;
  op.nearest = NearestMode::ceil;
  EXPECT_EQ(first_row(evaluated(op, {one_to(4, 4)}), 8), (std::vector<double>{1, 2, 2, 3, 3, 4, 4, 4}));
  op.coordinates = C::asymmetric;
  op.nearest = NearestMode::round_prefer_ceil;
  EXPECT_EQ(first_row(evaluated(op, {one_to(4, 4)}), 8), (std::vector<double>{1, 2, 2, 3, 3, 4, 4, 4}));
}

TEST(resize, integers_by_the_contract) {
  // Weights 3/4 and 1/4 each way: 0.5625 * 16 + 0.1875 * (-16 + 32) + 0.0625 * -128 = 4 around the zero point.
  const auto x = stored_i8({1, 1, 2, 2}, {18, -14, 34, -126}, 0.1f, 2);
  const auto y = evaluated(scaled(ResizeMode::linear, C::half_pixel, 2, 2), {x});
  ASSERT_EQ(y.size(), 16u);
  EXPECT_EQ(y[0], 18);
  EXPECT_EQ(y[5], 6);
  EXPECT_EQ(y[15], -126);
  EXPECT_EQ(y[1], 2 + 8);  // 0.75 * 16 - 0.25 * 16
}

TEST(resize, cubic_integers_are_limited_to_what_they_can_hold) {
  const auto x = stored_i8({1, 1, 1, 4}, {-128, -128, 127, 127}, 0.1f, 0);
  for (double value : evaluated(scaled(ResizeMode::cubic, C::half_pixel, 1, 4), {x})) {
    EXPECT_GE(value, -128);
    EXPECT_LE(value, 127);
  }
}

TEST(resize, sizes_may_be_given_or_follow_from_scales) {
  EXPECT_EQ(evaluated_shape(scaled(ResizeMode::nearest, C::half_pixel, 0.7f, 1.5f), {f32({1, 2, 10, 3})}),
            (std::vector<int64_t>{1, 2, 7, 4}));
  EXPECT_EQ(evaluated_shape(sized(ResizeMode::linear, C::half_pixel, 65, 1), {f32({1, 2, 9, 9})}),
            (std::vector<int64_t>{1, 2, 65, 1}));
  EXPECT_NE(refusal(Resize{}, {f32({1, 1, 2, 2})}).find("expected sizes or scales, found neither"), std::string::npos);
  EXPECT_NE(refusal(scaled(ResizeMode::nearest, C::half_pixel, 0.1f, 1), {f32({1, 1, 2, 2})}).find("sizes must lie in"),
            std::string::npos);
  EXPECT_NE(refusal(scaled(ResizeMode::nearest, C::half_pixel, -1, 1), {f32({1, 1, 2, 2})})
                .find("scale: expected a positive number"),
            std::string::npos);
  EXPECT_NE(refusal(scaled(ResizeMode::nearest, C::half_pixel, 1e30f, 1), {f32({1, 1, 2, 2})}).find("too large"),
            std::string::npos);
}

TEST(resize_taps, weights_of_a_row_sum_to_one) {
  for (auto mode : {ResizeMode::linear, ResizeMode::cubic}) {
    for (auto coordinates : {C::half_pixel, C::align_corners, C::asymmetric, C::half_pixel_symmetric}) {
      const ResizeTaps taps = resize_taps(sized(mode, coordinates, 17, 17), true, 6, 17);
      ASSERT_EQ(taps.index.size(), static_cast<size_t>(17 * taps.taps));
      for (int32_t row = 0; row < 17; ++row) {
        const auto first = static_cast<std::ptrdiff_t>(row) * taps.taps;
        EXPECT_EQ(
            std::accumulate(taps.integer_weight.begin() + first, taps.integer_weight.begin() + first + taps.taps, 0),
            1 << kResizeWeightBits);
        EXPECT_NEAR(std::accumulate(taps.weight.begin() + first, taps.weight.begin() + first + taps.taps, 0.0), 1.0,
                    1e-6);
      }
      for (int32_t index : taps.index) EXPECT_TRUE(index >= 0 && index < 6);
    }
  }
}

TEST(resize_taps, scale_of_eleven_tenths_hits_whole_pixels) {
  Resize op = scaled(ResizeMode::nearest, C::asymmetric, 1.1f, 1.1f);
  op.nearest = NearestMode::floor;
  const ResizeTaps taps = resize_taps(op, true, 20, 22);
  EXPECT_EQ(taps.index[11], 10);
  EXPECT_EQ(taps.index[10], 9);
}

TEST(resize_taps, half_pixel_for_nearest_neighbours) {
  Resize op = sized(ResizeMode::nearest, C::tf_half_pixel_for_nn, 2, 2);
  op.nearest = NearestMode::floor;
  EXPECT_EQ(resize_taps(op, true, 4, 2).index, (std::vector<int32_t>{1, 3}));
}

}  // namespace
}  // namespace nibble::test
