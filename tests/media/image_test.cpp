#include "media/image.h"

#include <algorithm>
#include <array>

#include "media/exif.h"
#include "media/picture_facts.h"
#include "media_testing.h"

// Only to make JPEG files for these tests.
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace nibble::media::test {
namespace {

using Rgb = std::array<int, 3>;
constexpr Rgb kRed{200, 30, 20}, kGreen{20, 180, 40}, kBlue{30, 40, 210}, kWhite{240, 240, 240};

// Red and green above, blue and white below; twice as wide as high.
Image quadrants() {
  Image image = make_image(32, 16, 3);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) {
      const Rgb& color = y < 8 ? (x < 16 ? kRed : kGreen) : (x < 16 ? kBlue : kWhite);
      std::copy(color.begin(), color.end(), image.at(x, y));
    }
  }
  return image;
}

std::vector<uint8_t> jpeg_of(const Image& image) {
  std::vector<uint8_t> out;
  const auto append = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(context)->insert(static_cast<std::vector<uint8_t>*>(context)->end(), bytes,
                                                        bytes + size);
  };
  stbi_write_jpg_to_func(append, &out, image.width, image.height, image.channels, image.pixels.data(), 95);
  return out;
}

// A TIFF block with one directory of one entry.
std::vector<uint8_t> tiff_with_orientation(int orientation, bool little) {
  const auto value = static_cast<uint8_t>(orientation);
  if (little) {
    return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
  }
  return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0};
}

std::vector<uint8_t> with_exif(std::vector<uint8_t> jpeg, const std::vector<uint8_t>& tiff) {
  const size_t length = 2 + 6 + tiff.size();
  std::vector<uint8_t> segment{
      0xFF, 0xE1, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length & 255), 'E', 'x', 'i', 'f', 0, 0};
  segment.insert(segment.end(), tiff.begin(), tiff.end());
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  return jpeg;
}

testing::AssertionResult is_near(const Image& image, int x, int y, const Rgb& color, int tolerance) {
  for (size_t c = 0; c < 3; ++c) {
    if (std::abs(image.at(x, y)[c] - color[c]) > tolerance) {
      return testing::AssertionFailure() << "channel " << c << " at " << x << ", " << y << " is "
                                         << int{image.at(x, y)[c]};
    }
  }
  return testing::AssertionSuccess();
}

// Colours of the four corners: top left, top right, bottom left, bottom right.
testing::AssertionResult has_corners(const Image& image, const std::array<Rgb, 4>& corners) {
  const int right = image.width - 4, bottom = image.height - 4;
  const std::array<std::pair<int, int>, 4> places{{{3, 3}, {right, 3}, {3, bottom}, {right, bottom}}};
  for (size_t i = 0; i < 4; ++i) {
    const auto near = is_near(image, places[i].first, places[i].second, corners[i], 16);
    if (!near) return near;
  }
  return testing::AssertionSuccess();
}

TEST(Image, turns_every_exif_orientation_upright) {
  // EXIF 2.3: where the stored first row and first column lie in the picture as seen.
  const std::array<Rgb, 4> expected[] = {
      {kRed, kGreen, kBlue, kWhite},  // 1: top, left
      {kGreen, kRed, kWhite, kBlue},  // 2: top, right
      {kWhite, kBlue, kGreen, kRed},  // 3: bottom, right
      {kBlue, kWhite, kRed, kGreen},  // 4: bottom, left
      {kRed, kBlue, kGreen, kWhite},  // 5: left, top
      {kBlue, kRed, kWhite, kGreen},  // 6: right, top
      {kWhite, kGreen, kBlue, kRed},  // 7: right, bottom
      {kGreen, kWhite, kRed, kBlue},  // 8: left, bottom
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little : {true, false}) {
      const auto image = decode_image(with_exif(jpeg_of(quadrants()), tiff_with_orientation(orientation, little)), "x");
      ASSERT_TRUE(succeeds(image));
      EXPECT_EQ(image->width, orientation >= 5 ? 16 : 32) << orientation;
      EXPECT_TRUE(has_corners(*image, expected[orientation - 1])) << "orientation " << orientation;
    }
  }
}

TEST(Image, reads_the_orientation_of_a_png_file) {
  const auto image = read_image(fixture("exif6.png"));
  ASSERT_TRUE(succeeds(image));
  EXPECT_TRUE(has_corners(*image, {kBlue, kRed, kWhite, kGreen}));
}

TEST(Image, takes_a_damaged_exif_block_as_upright) {
  const std::vector<uint8_t> whole = tiff_with_orientation(6, true);
  ASSERT_EQ(exif_orientation(whole), 6);
  for (size_t length = 0; length < 22; ++length) {
    EXPECT_EQ(exif_orientation(std::span(whole).first(length)), 1) << length;
  }
  std::vector<uint8_t> far_directory = whole;
  std::fill_n(far_directory.begin() + 4, 4, 0xFF);
  EXPECT_EQ(exif_orientation(far_directory), 1);
  EXPECT_EQ(exif_orientation(tiff_with_orientation(9, true)), 1);
}

TEST(Image, composites_alpha_over_white) {
  Image half = make_image(1, 1, 4);
  half.pixels = {0, 100, 255, 128};
  std::vector<uint8_t> bytes;
  const auto append = [](void* context, void* data, int size) {
    const auto* first = static_cast<uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(context)->assign(first, first + size);
  };
  ASSERT_TRUE(stbi_write_png_to_func(append, &bytes, 1, 1, 4, half.pixels.data(), 4));
  const auto image = decode_image(bytes, "x");
  ASSERT_TRUE(succeeds(image));
  // c * 128/255 + 255 * 127/255
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{127, 177, 255}));
}

TEST(Image, keeps_the_high_byte_of_16_bit_samples_and_expands_gray) {
  const auto image = read_image(fixture("gray16.png"));
  ASSERT_TRUE(succeeds(image));
  ASSERT_EQ(image->channels, 3);
  for (int i = 0; i < 64; ++i) {
    for (int c = 0; c < 3; ++c) EXPECT_EQ(image->at(i % 8, i / 8)[c], (i * 1000 + 129) >> 8);
  }
}

TEST(Image, converts_cmyk_with_an_adobe_marker_and_refuses_it_without) {
  const auto image = read_image(fixture("cmyk_adobe.jpg"));
  ASSERT_TRUE(succeeds(image));
  EXPECT_TRUE(has_corners(*image, {kRed, kGreen, kBlue, kWhite}));
  EXPECT_TRUE(fails_naming(read_image(fixture("cmyk_unmarked.jpg")), {"cmyk_unmarked.jpg", "CMYK", "Adobe"}));
}

TEST(Image, names_files_that_are_no_pictures) {
  const TempFolder folder;
  EXPECT_TRUE(fails_naming(read_image(folder.path()), {folder.path(), "folder"}));
  EXPECT_TRUE(fails_naming(read_image(folder / "absent.png"), {"absent.png", "no such file"}));
  EXPECT_TRUE(fails_naming(read_image(folder.write("empty.jpg", "")), {"empty.jpg", "empty"}));
  EXPECT_TRUE(fails_naming(read_image(folder.write("text.jpg", "just words")), {"text.jpg", "not a picture"}));
  EXPECT_TRUE(fails_naming(read_image(folder.write("a.gif", "GIF89a......")), {"a.gif", "GIF"}));
  EXPECT_TRUE(fails_naming(read_image(folder.write("a.webp", "RIFF1234WEBPVP8 ")), {"WebP"}));
  EXPECT_TRUE(fails_naming(read_image("/dev/zero"), {"/dev/zero", "not a regular file"}));
}

TEST(Image, refuses_every_truncated_file) {
  const TempFolder folder;
  ASSERT_TRUE(succeeds(write_png(folder / "a.png", pattern(20, 14, 3))));
  const std::string png = bytes_of(folder / "a.png");
  const std::vector<uint8_t> jpeg = jpeg_of(quadrants());
  std::string ppm = "P6 20 14 255\n" + std::string(20 * 14 * 3, 'x');
  for (const std::string& whole : {png, std::string(jpeg.begin(), jpeg.end()), ppm}) {
    ASSERT_TRUE(succeeds(decode_image({whole.begin(), whole.end()}, "x")));
    for (size_t length = 1; length < whole.size(); length += 1 + length / 40) {
      const std::string cut = whole.substr(0, length);
      // PNG's last chunk holds nothing; a file that ends inside it is complete.
      if (whole == png && length > png.size() - 12) break;
      EXPECT_TRUE(fails_naming(decode_image({cut.begin(), cut.end()}, "cut"), {"cut"})) << length;
    }
  }
}

TEST(Image, refuses_sizes_that_are_too_big_or_cannot_be_true) {
  const TempFolder folder;
  ASSERT_TRUE(succeeds(write_png(folder / "a.png", pattern(4, 4, 3))));
  std::string png = bytes_of(folder / "a.png");
  const auto set_width = [&](std::string big_endian) { png.replace(16, 4, big_endian).replace(20, 4, big_endian); };
  set_width(std::string("\0\0\x2A\0", 4));  // 10752 x 10752: above the limit
  EXPECT_TRUE(fails_naming(decode_image({png.begin(), png.end()}, "big.png"), {"big.png", "10752 x 10752"}));
  set_width(std::string("\0\0\x20\0", 4));  // 8192 x 8192: allowed, but not in some 100 bytes
  EXPECT_TRUE(fails_naming(decode_image({png.begin(), png.end()}, "bomb.png"), {"bomb.png", "8192 x 8192"}));
}

TEST(Image, refuses_a_huffman_table_with_too_many_codes) {
  std::vector<uint8_t> jpeg = jpeg_of(quadrants());
  const std::array<uint8_t, 2> marker{0xFF, 0xC4};
  const auto table = std::search(jpeg.begin(), jpeg.end(), marker.begin(), marker.end());
  ASSERT_NE(table, jpeg.end());
  std::fill_n(table + 5, 16, 0xFF);
  EXPECT_TRUE(fails_naming(decode_image(jpeg, "x"), {"Huffman"}));
}

TEST(Image, writes_png_that_reads_back_the_same) {
  const TempFolder folder;
  const Image rgb = pattern(31, 17, 3);
  ASSERT_TRUE(succeeds(write_png(folder / "rgb.png", rgb)));
  const auto again = read_image(folder / "rgb.png");
  ASSERT_TRUE(succeeds(again));
  EXPECT_EQ(again->width, 31);
  EXPECT_EQ(again->pixels, rgb.pixels);

  const Image gray = pattern(5, 3, 1);
  ASSERT_TRUE(succeeds(write_png(folder / "gray.png", gray)));
  const auto gray_again = read_image(folder / "gray.png");
  ASSERT_TRUE(succeeds(gray_again));
  for (size_t i = 0; i < gray.pixels.size(); ++i) EXPECT_EQ(gray_again->pixels[3 * i + 1], gray.pixels[i]);
  EXPECT_EQ(folder.files(), 2u) << "temporary files are left";
}

TEST(Image, writing_png_reports_a_full_disk_and_a_bad_picture) {
  const TempFolder folder;
  EXPECT_TRUE(fails_naming(write_png(folder / "no/such/a.png", pattern(4, 4, 3)), {"no/such/a.png"}));
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_TRUE(fails_naming(write_png("/dev/full", pattern(64, 64, 3)), {"/dev/full", "space"}));
  }
  EXPECT_TRUE(fails_naming(write_png(folder / "a.png", make_image(4, 4, 2)), {"a.png", "2 channels"}));
  EXPECT_EQ(folder.files(), 0u);
}

}  // namespace
}  // namespace nibble::media::test
