// Pictures against noise.
#include "converter/data/naturalness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "media/preprocess.h"
#include "media/samples.h"
#include "tests/support/shared_data.h"

namespace nibble::test {
namespace {

using Floats = std::vector<float>;

Floats noise_picture(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  Floats out;
  for (size_t i = 0; i < count; ++i) out.push_back(static_cast<float>(random() % 256));
  return out;
}

TEST(naturalness, noise_has_no_coarse_structure) {
  for (const int64_t side : {28, 32, 96, 224}) {
    for (uint32_t seed = 1; seed < 6; ++seed) {
      const auto share = coarse_share(noise_picture(static_cast<size_t>(3 * side * side), seed), {1, 3, side, side});
      ASSERT_TRUE(share);
      EXPECT_LT(*share, kNoiseShare / 2) << side << " " << seed;
    }
  }
}

TEST(naturalness, noise_that_was_enlarged_is_still_noise) {
  const Floats small = noise_picture(32 * 32, 3);
  Floats large;
  for (size_t y = 0; y < 224; ++y) {
    for (size_t x = 0; x < 224; ++x) large.push_back(small[y / 7 * 32 + x / 7]);
  }
  EXPECT_LT(*coarse_share(large, {1, 1, 224, 224}), kNoiseShare);
}

TEST(naturalness, a_gradient_is_all_structure_in_either_order_of_axes) {
  Floats first, last;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < 48 * 48; ++i) first.push_back(static_cast<float>(i / 48 + 2 * (i % 48) + c));
  }
  for (int i = 0; i < 48 * 48; ++i) {
    for (int c = 0; c < 3; ++c) last.push_back(first[static_cast<size_t>(c * 48 * 48 + i)]);
  }
  EXPECT_GT(*coarse_share(first, {1, 3, 48, 48}), 0.9);
  EXPECT_DOUBLE_EQ(*coarse_share(first, {1, 3, 48, 48}), *coarse_share(last, {1, 48, 48, 3}));
}

TEST(naturalness, says_nothing_of_what_is_no_picture) {
  EXPECT_FALSE(coarse_share(noise_picture(1000, 1), {1, 1000}));
  EXPECT_FALSE(coarse_share(noise_picture(3 * 8 * 8, 1), {1, 3, 8, 8}));
  EXPECT_FALSE(coarse_share(Floats(3 * 32 * 32, 0.5f), {1, 3, 32, 32}));
  EXPECT_FALSE(coarse_share(noise_picture(8 * 24 * 24, 1), {1, 8, 24, 24}));
  EXPECT_FALSE(coarse_share(noise_picture(10, 1), {1, 3, 32, 32}));
  EXPECT_FALSE(median({}));
  EXPECT_EQ(*median({3, 1, 2}), 2);
}

TEST(naturalness, photographs_and_digits_are_far_from_noise) {
  struct Set {
    const char* folder;
    const char* preprocess;
    int64_t channels, side;
  };
  const Set sets[] = {
      {"data/imagenet-sample-500/images", R"({"crop":224,"color":"rgb"})", 3, 224},
      {"data/cifar10-jpg/calib", R"({"color":"rgb"})", 3, 32},
      {"data/coco-val-30", R"({"crop":224,"color":"rgb"})", 3, 224},
      {"data/kodak-12", R"({"crop":224,"color":"rgb"})", 3, 224},
      {"data/face-photos", R"({"crop":224,"color":"rgb"})", 3, 224},
      {"data/mnist-subset", R"({"color":"gray"})", 1, 28},
  };
  for (const Set& s : sets) {
    const auto path = shared_data(s.folder);
    if (!path) GTEST_SKIP() << "no " << s.folder;
    const auto set = media::open_samples(path->string(), {0, 40, {}});
    ASSERT_TRUE(set) << set.error().message;
    const auto preprocess = media::parse_preprocessing(s.preprocess);
    ASSERT_TRUE(preprocess) << preprocess.error().message;
    std::vector<double> shares;
    for (size_t i = 0; i < set->size(); ++i) {
      const auto image = set->image(i);
      ASSERT_TRUE(image);
      const std::vector<int64_t> shape{1, s.channels, s.side, s.side};
      const auto pixels = media::apply(*preprocess, *image, shape);
      ASSERT_TRUE(pixels) << pixels.error().message;
      const Floats values(pixels->begin(), pixels->end());
      if (const auto share = coarse_share(values, shape)) shares.push_back(*share);
    }
    ASSERT_FALSE(shares.empty());
    EXPECT_GT(*median(shares), 2.5 * kNoiseShare) << s.folder;
  }
}

}  // namespace
}  // namespace nibble::test
