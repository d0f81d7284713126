#include "media/resample.h"

#include "media_testing.h"

namespace nibble::media::test {
namespace {

std::vector<uint8_t> scaled(int from_w, int from_h, int w, int h, int channels, Filter filter) {
  const auto image = resize(pattern(from_w, from_h, channels), w, h, filter);
  EXPECT_TRUE(succeeds(image));
  return image ? image->pixels : std::vector<uint8_t>{};
}

// Expected values: PIL 9.4, Image.resize with BILINEAR and BICUBIC, of the same pattern.
TEST(Resample, antialias_gives_the_values_of_pil_bilinear) {
  EXPECT_EQ(scaled(11, 7, 5, 3, 1, Filter::antialias),
            (std::vector<uint8_t>{105, 129, 129, 117, 138, 124, 123, 134, 116, 130, 114, 116, 150, 115, 113}));
  EXPECT_EQ(
      scaled(4, 3, 7, 5, 1, Filter::antialias),
      (std::vector<uint8_t>{0,   13,  34,  56,  77,  98,  111, 36,  51,  75,  99,  122, 146, 161, 91, 108, 136, 163,
                            190, 218, 235, 146, 165, 197, 151, 105, 136, 156, 182, 203, 237, 143, 48, 82,  103}));
}

TEST(Resample, bicubic_gives_the_values_of_pil_bicubic) {
  EXPECT_EQ(scaled(11, 7, 5, 3, 1, Filter::bicubic),
            (std::vector<uint8_t>{100, 130, 132, 115, 139, 132, 120, 128, 124, 129, 110, 119, 154, 110, 114}));
  EXPECT_EQ(
      scaled(4, 3, 7, 5, 1, Filter::bicubic),
      (std::vector<uint8_t>{0,   3,   26,  48,  68,  92,  105, 26, 38,  65,  94,  124, 150, 164, 87, 104, 135, 163,
                            191, 222, 239, 149, 175, 210, 155, 99, 134, 160, 184, 215, 252, 141, 30, 67,  98}));
}

TEST(Resample, larger_rgb_pictures_agree_with_pil_in_every_byte) {
  struct Case {
    int from_w, from_h, w, h;
    uint32_t antialias, bicubic;  // FNV-1a of PIL's result
  };
  const Case cases[] = {{97, 61, 40, 23, 0xc44fc0ad, 0x3d6cb18e},
                        {13, 9, 64, 48, 0x19b6959f, 0x84999a84},
                        {20, 10, 20, 4, 0x3424c78a, 0x9a512fd1},
                        {20, 10, 7, 10, 0x79682c4a, 0x49c6b1a0}};
  for (const Case& c : cases) {
    EXPECT_EQ(fnv1a(scaled(c.from_w, c.from_h, c.w, c.h, 3, Filter::antialias)), c.antialias) << c.w;
    EXPECT_EQ(fnv1a(scaled(c.from_w, c.from_h, c.w, c.h, 3, Filter::bicubic)), c.bicubic) << c.w;
  }
}

TEST(Resample, bilinear_takes_the_four_nearest_pixels_whatever_the_scale) {
  Image image = make_image(4, 1, 1);
  image.pixels = {0, 100, 200, 40};
  // Centres of the two output pixels lie at 0.5 and 2.5 of the input's pixel indices.
  const auto half = resize(image, 2, 1, Filter::bilinear);
  ASSERT_TRUE(succeeds(half));
  EXPECT_EQ(half->pixels, (std::vector<uint8_t>{50, 120}));
  // At 1.5 alone: the outer pixels have no weight, unlike with antialias.
  const auto one = resize(image, 1, 1, Filter::bilinear);
  ASSERT_TRUE(succeeds(one));
  EXPECT_EQ(one->pixels, std::vector<uint8_t>{150});
  // Up: at -0.25, 0.25, 0.75 ... with the border repeated.
  const auto twice = resize(image, 8, 1, Filter::bilinear);
  ASSERT_TRUE(succeeds(twice));
  EXPECT_EQ(twice->pixels, (std::vector<uint8_t>{0, 25, 75, 125, 175, 160, 80, 40}));
}

TEST(Resample, keeps_flat_colours_and_the_same_size) {
  Image flat = make_image(33, 9, 3);
  std::fill(flat.pixels.begin(), flat.pixels.end(), 201);
  for (const Filter filter : {Filter::bilinear, Filter::bicubic, Filter::antialias}) {
    const auto out = resize(flat, 7, 40, filter);
    ASSERT_TRUE(succeeds(out));
    EXPECT_EQ(out->pixels, std::vector<uint8_t>(7 * 40 * 3, 201));
    EXPECT_EQ(scaled(6, 5, 6, 5, 3, filter), pattern(6, 5, 3).pixels);
  }
}

TEST(Resample, refuses_sizes_of_nothing_and_beyond_the_limit) {
  const Image image = pattern(4, 4, 1);
  EXPECT_FALSE(resize(image, 0, 4, Filter::antialias));
  EXPECT_FALSE(resize(image, 4, -1, Filter::bilinear));
  EXPECT_TRUE(fails_naming(resize(image, 60000, 60000, Filter::bicubic), {"60000 x 60000"}));
}

}  // namespace
}  // namespace nibble::media::test
