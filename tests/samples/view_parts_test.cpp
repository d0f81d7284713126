// What the viewers do apart from their windows: scripts, heat maps, running networks beside the window.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "app/script.h"
#include "media/image.h"
#include "sample_networks.h"
#include "view/compare.h"
#include "view/runner.h"

namespace nibble::test {
namespace {

using namespace std::chrono_literals;

media::Image filled(int width, int height, int channels, uint8_t value) {
  media::Image image = media::make_image(width, height, channels);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return image;
}

TEST(Script, keeps_lines_and_their_numbers) {
  const auto script = app::parse_script("# a comment\n\n  resize 640  480 \r\nmode all of it\nquit");
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->size(), 3u);
  EXPECT_EQ((*script)[0].number, 3);
  EXPECT_EQ(app::numbers_of((*script)[0]), (std::vector<int>{640, 480}));
  EXPECT_EQ((*script)[1].verb, "mode");
  EXPECT_EQ((*script)[1].argument, "all of it");
  EXPECT_EQ((*script)[2].verb, "quit");
}

TEST(Script, refuses_lines_that_mean_nothing) {
  for (const char* text : {"frames", "frames x", "frames -1", "frames 1 2", "resize 5", "resize 1 16385", "key", "drop",
                           "screenshot", "quit now", "wait 5", "frames 99999999999999999999"}) {
    const auto script = app::parse_script(std::string("quit\n") + text);
    ASSERT_FALSE(script) << text;
    EXPECT_NE(script.error().message.find("line 2"), std::string::npos) << script.error().message;
  }
}

TEST(HeatMap, grows_from_black_to_white_with_the_difference) {
  const media::Image gray = filled(2, 2, 3, 100);
  const auto same = view::heat_map(gray, gray, 8);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->pixels, filled(2, 2, 3, 0).pixels);
  media::Image other = gray;
  other.pixels[4] = 110;  // the second pixel's green
  const auto heat = view::heat_map(gray, other, 8);
  ASSERT_TRUE(heat);
  EXPECT_EQ(heat->pixels[0], 0);
  EXPECT_EQ(heat->pixels[3], 240);  // 3 * 80 of 255: red only
  EXPECT_EQ(heat->pixels[4], 0);
  const auto white = view::heat_map(filled(1, 1, 3, 0), filled(1, 1, 3, 255), 1);
  ASSERT_TRUE(white);
  EXPECT_EQ(white->pixels, filled(1, 1, 3, 255).pixels);
}

TEST(HeatMap, takes_gray_and_other_sizes) {
  const auto heat = view::heat_map(filled(8, 4, 3, 50), filled(4, 2, 1, 50), 8);
  ASSERT_TRUE(heat) << heat.error().message;
  EXPECT_EQ(heat->width, 8);
  EXPECT_EQ(heat->pixels, filled(8, 4, 3, 0).pixels);
}

TEST(Runner, knows_the_bits_of_weight_formats) {
  EXPECT_EQ(view::bits_of("f32"), 32);
  EXPECT_EQ(view::bits_of("f16"), 16);
  EXPECT_EQ(view::bits_of("i8"), 8);
  EXPECT_EQ(view::bits_of("i4 g32"), 4);
  EXPECT_EQ(view::bits_of("lut4 g64"), 4);
  EXPECT_EQ(view::bits_of(""), 0);
}

std::vector<view::NetResult> results_of(view::Runner& runner, size_t count) {
  std::vector<view::NetResult> out;
  for (int i = 0; i < 6000 && out.size() < count; ++i) {
    if (auto result = runner.poll()) {
      out.push_back(std::move(*result));
    } else {
      std::this_thread::sleep_for(10ms);
    }
  }
  EXPECT_EQ(out.size(), count);
  return out;
}

TEST(Runner, gives_results_in_order_and_errors_beside_them) {
  const auto picture = media::read_image(shipped_file("data/glyphs/sample.png"));
  ASSERT_TRUE(picture);
  view::Runner runner;
  view::RunRequest request;
  request.picture = std::make_shared<media::Image>(*picture);
  request.networks = {shipped_network("classifier", "fp32"), "absent.nbl", shipped_network("classifier", "int4")};
  const uint64_t generation = runner.request(request);
  const auto results = results_of(runner, 3);
  if (::testing::Test::HasFailure()) return;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(results[i].path, request.networks[i]);
    EXPECT_EQ(results[i].generation, generation);
  }
  EXPECT_EQ(results[0].error, "");
  EXPECT_NE(results[1].error.find("absent.nbl"), std::string::npos) << results[1].error;
  EXPECT_EQ(results[0].task, samples::Task::classes);
  ASSERT_EQ(results[0].classes.size(), 5u);
  EXPECT_EQ(results[0].classes[0].name, results[2].classes[0].name);
  // Every layer's format, and steps that know it.
  ASSERT_FALSE(results[0].layers.empty());
  for (const view::LayerBits& layer : results[0].layers) EXPECT_EQ(layer.bits, 32) << layer.name;
  const auto has_bits = [](const view::NetResult& result, int bits) {
    return std::any_of(result.steps.begin(), result.steps.end(), [&](const auto& step) { return step.bits == bits; });
  };
  EXPECT_TRUE(has_bits(results[0], 32));
  EXPECT_TRUE(has_bits(results[2], 4));
  EXPECT_LT(results[2].memory.weights, results[0].memory.weights);
  EXPECT_LT(results[2].file_bytes, results[0].file_bytes);
}

TEST(Runner, drops_what_a_newer_request_replaces_and_says_which_device_is_absent) {
  const auto picture = media::read_image(shipped_file("data/glyphs/sample.png"));
  ASSERT_TRUE(picture);
  view::Runner runner;
  view::RunRequest request;
  request.picture = std::make_shared<media::Image>(*picture);
  request.networks = {shipped_network("classifier", "fp32")};
  for (int i = 0; i < 5; ++i) runner.request(request);
  request.device = "no such device";
  const uint64_t last = runner.request(request);
  auto results = results_of(runner, 1);
  if (::testing::Test::HasFailure()) return;
  EXPECT_EQ(results[0].generation, last);
  EXPECT_NE(results[0].error.find("no such device"), std::string::npos) << results[0].error;
  // And recovers.
  request.device.clear();
  runner.request(request);
  results = results_of(runner, 1);
  if (::testing::Test::HasFailure()) return;
  EXPECT_EQ(results[0].error, "");
}

}  // namespace
}  // namespace nibble::test
