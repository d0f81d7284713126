#include <gtest/gtest.h>

#include "media/image.h"
#include "media/media_testing.h"
#include "media/npy.h"
#include "tool_models.h"
#include "tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

std::string written(const TempFolder& folder, const std::string& name, const media::Image& image) {
  const Status status = media::write_png(folder / name, image);
  EXPECT_TRUE(status) << status.error().message;
  return folder / name;
}

media::Image filled(int width, int height, std::array<uint8_t, 3> color) {
  media::Image image = media::make_image(width, height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = color[i % 3];
  return image;
}

std::string npy(const TempFolder& folder, const std::string& name, const std::vector<int64_t>& shape,
                const std::vector<float>& values) {
  const Status status = media::write_npy(folder / name, DType::f32, shape, std::as_bytes(std::span(values)));
  EXPECT_TRUE(status) << status.error().message;
  return folder / name;
}

std::vector<float> floats(const std::string& path, const std::vector<int64_t>& shape) {
  const auto array = media::read_npy(path);
  EXPECT_TRUE(array) << array.error().message;
  if (!array) return {};
  EXPECT_EQ(array->shape, shape);
  return media::to_floats(*array);
}

void expect_contains(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    EXPECT_NE(text.find(word), std::string::npos) << "'" << word << "' missing in:\n" << text;
}

class RunTest : public ::testing::Test {
 protected:
  TempFolder folder;
  std::string run(const std::vector<std::string>& arguments) { return output_of(NIBBLE_RUN, arguments); }
};

TEST_F(RunTest, names_the_classes_of_a_picture_and_leaves_probabilities_alone) {
  write_color_classifier(folder / "net.nbl");
  const std::string green = written(folder, "green.png", filled(5, 4, {0, 255, 0}));
  const std::string text = run({folder / "net.nbl", "--input", green, "--top", "2"});
  expect_contains(text,
                  {"   1  1.0000  green\n   2  0.0000  red\n", "the values of output 'scores'", "time: ", "device: "});
  EXPECT_EQ(text.find("blue"), std::string::npos) << text;
}

TEST_F(RunTest, applies_softmax_to_scores_that_are_no_probabilities) {
  write_color_classifier(folder / "net.nbl");
  const std::string yellow = written(folder, "yellow.png", filled(3, 7, {255, 255, 0}));
  // e / (e + e + 1)
  expect_contains(run({folder / "net.nbl", "--input", yellow}),
                  {"   1  0.4223  red\n   2  0.4223  green\n   3  0.1554  blue\n", "the softmax of output 'scores'"});
}

TEST_F(RunTest, runs_a_folder_of_pictures_in_batches) {
  write_color_classifier(folder / "net.nbl");
  std::filesystem::create_directory(folder / "photos");
  // Ten of one size: more than one batch, the last one smaller.
  for (int i = 0; i < 10; ++i) {
    const auto color = i == 9 ? std::array<uint8_t, 3>{0, 0, 255} : std::array<uint8_t, 3>{255, 0, 0};
    written(folder, "photos/" + std::to_string(i) + ".png", filled(4, 4, color));
  }
  const std::string text =
      run({folder / "net.nbl", "--input", folder / "photos", "--top", "1", "--dim", "H=4", "--dim", "W=4"});
  expect_contains(text,
                  {"0.png\n   1  1.0000  red", "8.png\n   1  1.0000  red", "9.png\n   1  1.0000  blue", "median of 2"});
}

TEST_F(RunTest, lets_each_picture_decide_a_free_size) {
  write_color_classifier(folder / "net.nbl");
  const std::string small = written(folder, "small.png", filled(2, 2, {255, 0, 0}));
  const std::string large = written(folder, "large.png", filled(9, 5, {0, 0, 255}));
  expect_contains(run({folder / "net.nbl", "--input", small, "--input", large, "--top", "1"}),
                  {"small.png\n   1  1.0000  red", "large.png\n   1  1.0000  blue"});
}

TEST_F(RunTest, writes_an_output_as_a_picture) {
  write_negative(folder / "net.nbl");
  media::Image image = filled(6, 5, {10, 100, 250});
  image.at(2, 3)[0] = 255;
  run({folder / "net.nbl", "--input", written(folder, "in.png", image), "--output-image", folder / "out.png"});
  const auto out = media::read_image(folder / "out.png");
  ASSERT_TRUE(out) << out.error().message;
  ASSERT_EQ(out->width, 6);
  ASSERT_EQ(out->height, 5);
  for (size_t i = 0; i < image.pixels.size(); ++i) EXPECT_EQ(out->pixels[i], 255 - image.pixels[i]) << i;
}

TEST_F(RunTest, takes_another_preprocessing_from_a_file) {
  write_color_classifier(folder / "net.nbl");
  const std::string red = written(folder, "red.png", filled(4, 4, {255, 0, 0}));
  const std::string json = folder.write("bgr.json", std::string(R"({"color": "bgr"})"));
  expect_contains(run({folder / "net.nbl", "--input", red, "--top", "1", "--preprocess", json}),
                  {"   1  1.0000  blue"});
}

TEST_F(RunTest, writes_every_output_as_npy_under_safe_names) {
  write_sums(folder / "net.nbl");
  const std::string a = npy(folder, "a.npy", {3, 2}, {1, 2, 3, 4, 5, 6}),
                    b = npy(folder, "b.npy", {3, 2}, {10, 20, 30, 40, 50, 60});
  const std::string text = run({folder / "net.nbl", "--input", "a=" + a, "--input", "b/x=" + b, "--output-dir",
                                folder / "new/out", "--repeat", "3"});
  expect_contains(text, {"output 'sum:0' f32 [3, 2]: 11 to 66", "median of 2"});
  EXPECT_EQ(floats(folder / "new/out/sum_0.npy", {3, 2}), (std::vector<float>{11, 22, 33, 44, 55, 66}));
  EXPECT_EQ(floats(folder / "new/out/sum_0_2.npy", {3, 2}), (std::vector<float>{-1, -2, -3, -4, -5, -6}));
}

TEST_F(RunTest, feeds_all_inputs_from_a_folder_of_their_names) {
  write_sums(folder / "net.nbl");
  std::filesystem::create_directory(folder / "sample");
  npy(folder, "sample/a.npy", {1, 2}, {1, 2});
  npy(folder, "sample/b_x.npy", {1, 2}, {4, 8});
  expect_contains(run({folder / "net.nbl", "--input", folder / "sample"}),
                  {"output 'sum:0' f32 [1, 2]: 5 to 10, mean 7.5"});
}

TEST_F(RunTest, gives_pixels_as_they_are_to_byte_inputs_and_quantizes_for_int8_ones) {
  write_integers(folder / "net.nbl");
  media::Image gray = media::make_image(2, 2, 1);
  gray.pixels = {0, 7, 200, 255};
  const std::vector<int64_t> ids = {70000, -3};
  ASSERT_TRUE(media::write_npy(folder / "ids.npy", DType::i64, std::vector<int64_t>{2}, std::as_bytes(std::span(ids))));
  // In steps of 0.5, from (-128 - 3) / 2 to (127 - 3) / 2.
  const std::string fine = npy(folder, "fine.npy", {4}, {0.6f, -1.0f, 1000.0f, -1000.0f});
  run({folder / "net.nbl", "--input", "bytes=" + written(folder, "g.png", gray), "--input", "fine=" + fine, "--input",
       "ids=" + (folder / "ids.npy"), "--output-dir", folder / "out"});
  EXPECT_EQ(floats(folder / "out/bytes_f32.npy", {1, 1, 2, 2}), (std::vector<float>{0, 7, 200, 255}));
  EXPECT_EQ(floats(folder / "out/fine_f32.npy", {4}), (std::vector<float>{0.5f, -1.0f, 62.0f, -65.5f}));
  const auto out = media::read_npy(folder / "out/ids_out.npy");
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->type, DType::i64);
  EXPECT_EQ(media::to_floats(*out), (std::vector<float>{70000, -3}));
}

TEST_F(RunTest, prints_boxes_in_pixels_of_the_picture_and_draws_them) {
  write_detector(folder / "net.nbl");
  // Six bars of 20 x 20, two rows of three: nothing, score 1, corners (0, 0) to (1, 1); the network sees 3 x 2 pixels.
  media::Image image = filled(60, 40, {255, 255, 255});
  const auto darken = [&](int column, int row) {
    for (int y = 20 * row; y < 20 * row + 20; ++y) {
      for (int x = 20 * column; x < 20 * column + 20; ++x) std::fill_n(image.at(x, y), 3, uint8_t{0});
    }
  };
  darken(0, 0), darken(2, 0), darken(0, 1);
  // "bilinear" takes single pixels here, so no bar mixes with its neighbour.
  const std::string json =
      folder.write("p.json", std::string(R"({"resize": {"mode": "stretch", "filter": "bilinear"}})"));
  const std::string text = run({folder / "net.nbl", "--input", written(folder, "in.png", image), "--preprocess", json,
                                "--output-image", folder / "out.png"});
  expect_contains(text, {"  1.0000  face                 x 0.0 to 60.0, y 0.0 to 40.0"});
  const auto out = media::read_image(folder / "out.png");
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->at(0, 0)[0], 128);  // the frame, in the colour of class 1
  EXPECT_EQ(out->at(59, 39)[1], 0);
  EXPECT_EQ(out->at(5, 5)[0], 0);  // inside, the picture
  EXPECT_EQ(out->at(30, 10)[1], 255);
}

TEST_F(RunTest, measures_the_steps) {
  write_sums(folder / "net.nbl");
  const std::string a = npy(folder, "a.npy", {1, 2}, {1, 2});
  const std::string text = run({folder / "net.nbl", "--input", "a=" + a, "--input", "b/x=" + a, "--profile"});
  EXPECT_TRUE(text.find("binary_f32") != std::string::npos || text.find("no timestamps") != std::string::npos) << text;
}

TEST_F(RunTest, keeps_pipelines_in_a_file) {
  write_sums(folder / "net.nbl");
  const std::string a = npy(folder, "a.npy", {1, 2}, {1, 2}), cache = folder / "pipelines";
  const std::vector<std::string> arguments = {folder / "net.nbl", "--input",          "a=" + a, "--input",
                                              "b/x=" + a,         "--pipeline-cache", cache};
  run(arguments);
  EXPECT_GT(std::filesystem::file_size(cache), 0u);
  expect_contains(run(arguments), {"2 to 4, mean 3"});
}

TEST_F(RunTest, lists_devices_and_says_its_version_and_usage) {
  expect_contains(run({"--list-devices"}), {"0  ", "Vulkan 1."});
  expect_contains(run({"--version"}), {"nibble-run 0."});
  expect_contains(run({"--help"}), {"Examples:", "--top 5", "--output-image out.png", "--output-dir out/"});
}

}  // namespace
}  // namespace nibble::test
