#include "media/metrics.h"

#include <cmath>

#include "media_testing.h"

namespace nibble::media::test {
namespace {

TEST(Metrics, top_k_sorts_by_value_then_index_and_puts_nan_last) {
  const std::vector<float> values{1, NAN, 5, 5, -2, INFINITY};
  EXPECT_EQ(top_k(values, 3), (std::vector<size_t>{5, 2, 3}));
  EXPECT_EQ(top_k(values, 99), (std::vector<size_t>{5, 2, 3, 0, 4, 1}));
  EXPECT_TRUE(top_k({}, 5).empty());
}

TEST(Metrics, softmax_survives_great_values) {
  const std::vector<float> values{1000, 1000, -1000};
  const auto out = softmax(values);
  EXPECT_FLOAT_EQ(out[0], 0.5f);
  EXPECT_FLOAT_EQ(out[2], 0.0f);
  EXPECT_TRUE(is_distribution(out));
  EXPECT_FALSE(is_distribution(values));
  EXPECT_FALSE(is_distribution(std::vector<float>{1.5f, -0.5f}));
  EXPECT_FALSE(is_distribution(std::vector<float>{NAN, 1.0f}));
}

TEST(Metrics, class_mask_takes_the_best_channel_in_both_layouts) {
  const std::vector<float> planes{1, 5, 2, 2, 0, 2};  // three channels of two pixels
  EXPECT_EQ(*class_mask(planes, std::vector<int64_t>{1, 3, 1, 2}, Layout::nchw, 0), (std::vector<int>{1, 0}));
  const std::vector<float> pixels{1, 2, 0, 5, 2, 5};
  EXPECT_EQ(*class_mask(pixels, std::vector<int64_t>{1, 1, 2, 3}, Layout::nhwc, 0), (std::vector<int>{1, 0}));
  const std::vector<float> one{0.4f, 0.6f, 0.5f};
  EXPECT_EQ(*class_mask(one, std::vector<int64_t>{1, 1, 3}, Layout::nchw, 0.5f), (std::vector<int>{0, 1, 0}));
  EXPECT_FALSE(class_mask(one, std::vector<int64_t>{3}, Layout::nchw, 0.5f));
  EXPECT_FALSE(class_mask(one, std::vector<int64_t>{1, 2, 1, 2}, Layout::nchw, 0.5f));
}

TEST(Metrics, mask_overlap_adds_up_over_pictures) {
  MaskOverlap overlap;
  ASSERT_TRUE(succeeds(overlap.add(std::vector<int>{0, 0, 3, 3}, std::vector<int>{0, 3, 3, 3})));
  EXPECT_DOUBLE_EQ(overlap.iou(0), 0.5);
  EXPECT_DOUBLE_EQ(overlap.iou(3), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(overlap.iou(1), 1.0);
  EXPECT_DOUBLE_EQ(overlap.mean_iou(), (0.5 + 2.0 / 3.0) / 2);
  ASSERT_TRUE(succeeds(overlap.add(std::vector<int>{0, 5}, std::vector<int>{0, 0})));
  EXPECT_DOUBLE_EQ(overlap.iou(0), 2.0 / 4.0);
  EXPECT_DOUBLE_EQ(overlap.iou(5), 0.0);
  EXPECT_FALSE(overlap.add(std::vector<int>{1}, std::vector<int>{1, 2}));
}

TEST(Metrics, mean_iou_of_two_classes_is_that_of_the_foreground) {
  const std::vector<int> reference{1, 1, 0, 0}, other{1, 0, 0, 0};
  EXPECT_DOUBLE_EQ(*mean_iou(reference, other, 2), 0.5);
  EXPECT_DOUBLE_EQ(*mean_iou(reference, other, 21), (0.5 + 2.0 / 3.0) / 2);
}

TEST(Metrics, psnr_and_sqnr_in_decibels) {
  const std::vector<float> reference{10, 20, 30, 40}, other{11, 19, 31, 39};
  EXPECT_DOUBLE_EQ(psnr_db(reference, other, 255), 10 * std::log10(255.0 * 255.0));
  EXPECT_DOUBLE_EQ(sqnr_db(reference, other), 10 * std::log10(3000.0 / 4.0));
  EXPECT_EQ(psnr_db(reference, reference, 255), INFINITY);
  EXPECT_TRUE(std::isnan(psnr_db(reference, std::span(other).first(3), 255)));
  const Image a = pattern(4, 4, 3);
  Image b = a;
  b.pixels[7] = static_cast<uint8_t>(b.pixels[7] ^ 4);
  EXPECT_DOUBLE_EQ(psnr_db(a, b), 10 * std::log10(255.0 * 255.0 * 48 / 16));
  EXPECT_TRUE(std::isnan(psnr_db(a, pattern(4, 4, 1))));
}

}  // namespace
}  // namespace nibble::media::test
