#include <cmath>

#include "media/color.h"
#include "media/preprocess.h"
#include "media_testing.h"

namespace nibble::media::test {
namespace {

using Shape = std::vector<int64_t>;

Result<Image> to_picture(const char* json, const std::vector<float>& values, const Shape& shape) {
  return to_image(*parse_preprocessing(json), values, shape, nullptr, {});
}

TEST(OutputImage, scales_rounds_and_clamps) {
  const auto image = to_picture("{}", {0.0f, 1.0f, 0.5f, -3.0f, 7.0f, NAN}, {1, 1, 2, 3});
  ASSERT_TRUE(succeeds(image));
  EXPECT_EQ(image->width, 3);
  EXPECT_EQ(image->channels, 1);
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{0, 255, 128, 0, 255, 0}));
  const auto other = to_picture(R"({"output": {"scale": 127.5, "offset": 127.5}})", {-1, 0, 1}, {1, 3});
  ASSERT_TRUE(succeeds(other));
  EXPECT_EQ(other->pixels, (std::vector<uint8_t>{0, 128, 255}));
}

TEST(OutputImage, puts_channels_in_their_place) {
  const std::vector<float> planes{1, 2, 3, 4, 5, 6};
  const auto nchw = to_picture(R"({"output": {"scale": 1}})", planes, {1, 3, 1, 2});
  ASSERT_TRUE(succeeds(nchw));
  EXPECT_EQ(nchw->pixels, (std::vector<uint8_t>{1, 3, 5, 2, 4, 6}));
  const auto bgr = to_picture(R"({"output": {"scale": 1}, "color": "bgr"})", planes, {3, 1, 2});
  ASSERT_TRUE(succeeds(bgr));
  EXPECT_EQ(bgr->pixels, (std::vector<uint8_t>{5, 3, 1, 6, 4, 2}));
  const auto nhwc = to_picture(R"({"output": {"scale": 1}, "layout": "nhwc"})", planes, {1, 1, 2, 3});
  ASSERT_TRUE(succeeds(nhwc));
  EXPECT_EQ(nhwc->pixels, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST(OutputImage, refuses_outputs_that_are_no_picture) {
  EXPECT_FALSE(to_picture("{}", std::vector<float>(10), {10}));
  EXPECT_TRUE(fails_naming(to_picture("{}", std::vector<float>(84), {1, 21, 2, 2}), {"1 or 3 channels"}));
  EXPECT_TRUE(fails_naming(to_picture("{}", std::vector<float>(3), {1, 1, 2, 2}), {"3 values", "4"}));
  EXPECT_FALSE(to_picture("{}", {}, {1, 1, 0, 2}));
  EXPECT_FALSE(to_picture("{}", std::vector<float>(4), {1, 1, 100000000, 100000000}));
}

TEST(OutputImage, lays_the_input_chroma_under_an_output_of_luma) {
  // The network doubles the size and leaves the luma as it is: a flat colour must come back.
  Image input = make_image(4, 4, 3);
  for (size_t i = 0; i < input.pixels.size(); i += 3) {
    input.pixels[i] = 180;
    input.pixels[i + 1] = 90;
    input.pixels[i + 2] = 40;
  }
  const auto preprocessing = parse_preprocessing(R"({"color": "ycbcr_y"})");
  const std::vector<float> bright(64, static_cast<float>(luma(180, 90, 40)) / 255.0f);
  const auto image = to_image(*preprocessing, bright, Shape{1, 1, 8, 8}, &input, Shape{1, 1, 4, 4});
  ASSERT_TRUE(succeeds(image));
  ASSERT_EQ(image->channels, 3);
  ASSERT_EQ(image->width, 8);
  for (size_t i = 0; i < image->pixels.size(); i += 3) {
    EXPECT_NEAR(image->pixels[i], 180, 1);
    EXPECT_NEAR(image->pixels[i + 1], 90, 1);
    EXPECT_NEAR(image->pixels[i + 2], 40, 1);
  }
  // Without a picture to take the chroma from it stays gray.
  const auto gray = to_image(*preprocessing, bright, Shape{1, 1, 8, 8}, nullptr, {});
  ASSERT_TRUE(succeeds(gray));
  EXPECT_EQ(gray->channels, 1);
}

TEST(OutputImage, chroma_follows_the_crop_of_the_preprocessing) {
  Image input = make_image(8, 4, 3);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 8; ++x) input.at(x, y)[x < 4 ? 0 : 2] = 200;
  }
  // The centre 4 x 4: two red columns, two blue ones.
  const auto preprocessing = parse_preprocessing(R"({"color": "ycbcr_y", "crop": 4})");
  const std::vector<float> middle(16, 0.4f);
  const auto image = to_image(*preprocessing, middle, Shape{1, 1, 4, 4}, &input, Shape{1, 1, 4, 4});
  ASSERT_TRUE(succeeds(image));
  EXPECT_GT(image->at(0, 0)[0], image->at(0, 0)[2]);
  EXPECT_LT(image->at(3, 0)[0], image->at(3, 0)[2]);
}

}  // namespace
}  // namespace nibble::media::test
