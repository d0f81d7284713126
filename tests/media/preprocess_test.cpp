#include "media/preprocess.h"

#include <cmath>

#include "media_testing.h"

namespace nibble::media::test {
namespace {

using Shape = std::vector<int64_t>;

Preprocessing from_json(const char* text) {
  auto parsed = parse_preprocessing(text);
  EXPECT_TRUE(succeeds(parsed));
  return parsed ? *parsed : Preprocessing{};
}

std::vector<uint8_t> bytes_for(const char* json, const Image& image, const Shape& shape) {
  auto out = apply_u8(from_json(json), image, shape);
  EXPECT_TRUE(succeeds(out));
  return out ? *out : std::vector<uint8_t>{};
}

Image single(int width, int height, const std::vector<uint8_t>& rgb) {
  Image image = make_image(width, height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = rgb[i % 3];
  return image;
}

TEST(Preprocess, arranges_channels_by_color_and_layout) {
  Image image = make_image(2, 1, 3);
  image.pixels = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(bytes_for("{}", image, {1, 3, 1, 2}), (std::vector<uint8_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(bytes_for(R"({"color": "bgr"})", image, {1, 3, 1, 2}), (std::vector<uint8_t>{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(bytes_for(R"({"layout": "nhwc"})", image, {1, 1, 2, 3}), (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(bytes_for(R"({"layout": "nhwc", "color": "bgr"})", image, {1, 2, 3}),
            (std::vector<uint8_t>{3, 2, 1, 6, 5, 4}));
}

TEST(Preprocess, finds_layout_and_gray_by_the_shape_where_the_json_is_silent) {
  const Image image = pattern(6, 4, 3);
  EXPECT_EQ(bytes_for("{}", image, {1, 4, 6, 3}), image.pixels);
  EXPECT_EQ(bytes_for("{}", image, {1, 1, 4, 6}).size(), 24u);
  EXPECT_EQ(bytes_for("{}", image, {1, 4, 6, 1}), bytes_for(R"({"color": "gray"})", image, {1, 1, 4, 6}));
}

TEST(Preprocess, gray_is_the_luma_of_pil) {
  // PIL 9.4: convert("L") of the same 4 x 4 pattern.
  const std::vector<uint8_t> expected{43, 80, 117, 154, 134, 182, 201, 99, 196, 105, 87, 146, 60, 130, 171, 164};
  EXPECT_EQ(bytes_for(R"({"color": "gray"})", pattern(4, 4, 3), {1, 1, 4, 4}), expected);
  EXPECT_EQ(bytes_for(R"({"color": "ycbcr_y"})", pattern(4, 4, 3), {1, 1, 4, 4}), expected);
}

TEST(Preprocess, gray_pictures_fill_three_channels) {
  Image gray = make_image(2, 1, 1);
  gray.pixels = {7, 9};
  EXPECT_EQ(bytes_for("{}", gray, {1, 3, 1, 2}), (std::vector<uint8_t>{7, 9, 7, 9, 7, 9}));
  EXPECT_EQ(bytes_for("{}", gray, {1, 1, 1, 2}), gray.pixels);
}

TEST(Preprocess, normalizes_by_mean_and_std_of_each_channel) {
  const auto out = apply(from_json(R"({"mean": [0.5, 0.25, 0], "std": [0.5, 2, 1]})"), single(1, 1, {255, 51, 0}),
                         Shape{1, 3, 1, 1});
  ASSERT_TRUE(succeeds(out));
  EXPECT_FLOAT_EQ((*out)[0], (1.0f - 0.5f) / 0.5f);
  EXPECT_FLOAT_EQ((*out)[1], (0.2f - 0.25f) / 2.0f);
  EXPECT_FLOAT_EQ((*out)[2], 0.0f);
  // One number serves all channels.
  const auto one = apply(from_json(R"({"mean": 0.5, "std": 0.5})"), single(1, 1, {255, 0, 255}), Shape{1, 3, 1, 1});
  ASSERT_TRUE(succeeds(one));
  EXPECT_EQ(*one, (std::vector<float>{1, -1, 1}));
}

TEST(Preprocess, a_std_of_one_255th_gives_whole_pixels_exactly) {
  Image ramp = make_image(256, 1, 1);
  for (int i = 0; i < 256; ++i) ramp.pixels[i] = static_cast<uint8_t>(i);
  const auto out = apply(from_json(R"({"std": 0.00392156862745098})"), ramp, Shape{1, 1, 1, 256});
  const auto raw = apply_unnormalized(from_json(R"({"std": 7, "mean": 3})"), ramp, Shape{1, 1, 1, 256});
  ASSERT_TRUE(succeeds(out));
  ASSERT_TRUE(succeeds(raw));
  for (int i = 0; i < 256; ++i) EXPECT_EQ((*out)[i], static_cast<float>(i));
  EXPECT_EQ(*raw, *out);
}

TEST(Preprocess, crops_the_centre) {
  const Image image = pattern(9, 6, 3);
  const auto out = prepare(from_json(R"({"crop": [2, 4]})"), image, Shape{1, 3, 2, 4});
  ASSERT_TRUE(succeeds(out));
  // (9 - 4) / 2 = 2.5 is rounded to even: 2.
  EXPECT_EQ(out->at(0, 0)[0], image.at(2, 2)[0]);
  EXPECT_EQ(out->at(3, 1)[2], image.at(5, 3)[2]);
  EXPECT_TRUE(
      fails_naming(prepare(from_json(R"({"crop": 7})"), image, Shape{1, 3, 7, 7}), {"'crop'", "7 x 7", "9 x 6"}));
}

TEST(Preprocess, scales_the_short_side_and_rounds_the_long_one_down) {
  const auto wide = prepare(from_json(R"({"resize": 10})"), pattern(35, 20, 3), Shape{1, 3, 0, 0});
  ASSERT_TRUE(succeeds(wide));
  EXPECT_EQ(wide->height, 10);
  EXPECT_EQ(wide->width, 17);  // 17.5
  const auto high = prepare(from_json(R"({"resize": 10})"), pattern(20, 35, 3), Shape{1, 3, -1, -1});
  ASSERT_TRUE(succeeds(high));
  EXPECT_EQ(high->height, 17);
  EXPECT_EQ(high->width, 10);
}

TEST(Preprocess, letterbox_keeps_the_proportion_and_fills_the_rest) {
  const Image image = single(20, 10, {9, 8, 7});
  const auto top =
      prepare(from_json(R"({"resize": {"mode": "letterbox", "size": 8, "fill": [1, 2, 3], "anchor": "topleft"}})"),
              image, Shape{1, 3, 8, 8});
  ASSERT_TRUE(succeeds(top));
  EXPECT_EQ(top->at(7, 3)[0], 9);
  EXPECT_EQ(top->at(0, 4)[0], 1);
  EXPECT_EQ(top->at(0, 4)[2], 3);
  const auto middle = prepare(from_json(R"({"resize": {"mode": "letterbox", "fill": 114}})"), image, Shape{1, 3, 8, 8});
  ASSERT_TRUE(succeeds(middle));
  EXPECT_EQ(middle->at(0, 1)[0], 114);
  EXPECT_EQ(middle->at(0, 2)[0], 9);
  EXPECT_EQ(middle->at(0, 5)[0], 9);
  EXPECT_EQ(middle->at(0, 6)[0], 114);
  // The fill is given as red, green, blue whatever the order of the channels.
  const auto bgr = prepare(from_json(R"({"color": "bgr", "resize": {"mode": "letterbox", "fill": [1, 2, 3]}})"), image,
                           Shape{1, 3, 8, 8});
  ASSERT_TRUE(succeeds(bgr));
  EXPECT_EQ(bgr->at(0, 0)[0], 3);
}

TEST(Preprocess, stretches_to_the_network_where_the_json_has_no_resize) {
  const Image image = pattern(30, 20, 3);
  const auto implied = prepare(from_json("{}"), image, Shape{1, 3, 12, 16});
  const auto stated = prepare(from_json(R"({"resize": [12, 16]})"), image, Shape{1, 3, 12, 16});
  ASSERT_TRUE(succeeds(implied));
  ASSERT_TRUE(succeeds(stated));
  EXPECT_EQ(implied->pixels, stated->pixels);
}

TEST(Preprocess, names_both_shapes_where_they_do_not_fit) {
  const Image image = pattern(30, 20, 3);
  EXPECT_TRUE(fails_naming(apply(from_json(R"({"resize": [10, 11]})"), image, Shape{1, 3, 12, 16}),
                           {"11 x 10", "[1, 3, 12, 16]"}));
  EXPECT_TRUE(
      fails_naming(apply(from_json(R"({"color": "gray"})"), image, Shape{1, 3, 12, 16}), {"gray", "1 channels"}));
  EXPECT_TRUE(fails_naming(apply(from_json(R"({"color": "gray", "mean": [1, 2, 3]})"), image, Shape{1, 1, 12, 16}),
                           {"'mean'", "3"}));
  EXPECT_TRUE(fails_naming(apply({}, image, Shape{1, 2, 3, 4, 5}), {"[1, 2, 3, 4, 5]"}));
  EXPECT_TRUE(
      fails_naming(apply(from_json(R"({"resize": {"mode": "letterbox"}})"), image, Shape{1, 3, 0, 0}), {"'size'"}));
  EXPECT_TRUE(fails_naming(apply(from_json(R"({"resize": 60000})"), image, Shape{1, 3, 0, 0}), {"'resize'", "90000"}));
  EXPECT_FALSE(apply({}, Image{}, Shape{1, 3, 4, 4}));
}

TEST(Preprocess, takes_networks_with_flat_inputs) {
  EXPECT_EQ(bytes_for(R"({"color": "gray", "resize": [2, 3]})", pattern(6, 4, 3), {1, 6}).size(), 6u);
  EXPECT_FALSE(apply_u8(from_json(R"({"color": "gray", "resize": [2, 3]})"), pattern(6, 4, 3), Shape{1, 7}));
}

TEST(Preprocess, maps_points_of_the_network_back_to_the_picture) {
  const Image image = single(40, 20, {0, 0, 0});
  const auto stretched = pixel_map(from_json("{}"), image, Shape{1, 3, 10, 10});
  ASSERT_TRUE(succeeds(stretched));
  EXPECT_DOUBLE_EQ((10 - stretched->offset_x) / stretched->scale_x, 40);
  EXPECT_DOUBLE_EQ((5 - stretched->offset_y) / stretched->scale_y, 10);
  const auto boxed = pixel_map(from_json(R"({"resize": {"mode": "letterbox"}})"), image, Shape{1, 3, 10, 10});
  ASSERT_TRUE(succeeds(boxed));
  // 10 x 5 in the middle of 10 x 10: two rows above.
  EXPECT_DOUBLE_EQ((2 - boxed->offset_y) / boxed->scale_y, 0);
  EXPECT_DOUBLE_EQ((7 - boxed->offset_y) / boxed->scale_y, 20);
  const auto cropped = pixel_map(from_json(R"({"resize": 10, "crop": 8})"), image, Shape{1, 3, 8, 8});
  ASSERT_TRUE(succeeds(cropped));
  // 20 x 10, from column 6 and row 1 on.
  EXPECT_DOUBLE_EQ((0 - cropped->offset_x) / cropped->scale_x, 12);
  EXPECT_DOUBLE_EQ((8 - cropped->offset_y) / cropped->scale_y, 18);
}

}  // namespace
}  // namespace nibble::media::test
