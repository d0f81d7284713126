// The detector and the segmenter on networks that are made here, whose boxes and masks can be told by looking: what the
// shared networks show at length, for a checkout without them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "media/image.h"
#include "media/media_testing.h"
#include "sample_networks.h"
#include "support/onnx_builder.h"
#include "tools/tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

constexpr const char* kPreprocess =
    R"({"resize":{"mode":"stretch","size":[32,32],"filter":"bilinear"},"color":"rgb","std":1})";

void paint(media::Image& image, int x1, int y1, int x2, int y2, std::array<uint8_t, 3> color) {
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) std::copy(color.begin(), color.end(), image.at(x, y));
  }
}

// Cells of 8 x 8 pixels: a red one is a box of class 0, a blue one of class 1, as large as the cell.
std::string detector(const TempFolder& folder) {
  OnnxBuilder net;
  net.input("image", {"1", "3", "32", "32"});
  net.floats("weights", {7, 3, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1});
  net.floats("bias", {7}, {0.5f, 0.5f, 0, 0, 0, 0, 0});  // the middle of the cell; exp(0) of its size
  net.integers("rows", {3}, {1, 7, 16});
  net.node("AveragePool", {"image"}, {"cells"},
           {{"kernel_shape", std::vector<int64_t>{8, 8}}, {"strides", std::vector<int64_t>{8, 8}}});
  net.node("Conv", {"cells", "weights", "bias"}, {"grid"});
  net.node("Reshape", {"grid", "rows"}, {"columns"});
  net.node("Transpose", {"columns"}, {"boxes"}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  net.output("boxes");
  return converted_network(
      folder.write("detector.onnx", net.bytes()),
      {"--preprocess", folder.write("preprocess.json", std::string(kPreprocess)), "--detection",
       R"({"decoder":"yolox","strides":[8]})", "--classes", folder.write("classes.txt", std::string("red\nblue\n"))});
}

TEST(GeneratedSamples, detect_finds_the_coloured_cells) {
  const TempFolder folder;
  media::Image picture = media::make_image(32, 32, 3);
  paint(picture, 8, 16, 16, 24, {255, 0, 0});
  paint(picture, 24, 0, 32, 8, {0, 0, 255});
  const std::string path = folder / "cells.png", out = folder / "boxes.png";
  ASSERT_TRUE(media::write_png(path, picture));
  const std::string text = output_of(SAMPLE_DETECT, {detector(folder), path, out});
  EXPECT_NE(text.find("1.000  red              8.0 16.0 16.0 24.0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1.000  blue             24.0 0.0 32.0 8.0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("2 found"), std::string::npos) << text;
  const auto drawn = media::read_image(out);
  ASSERT_TRUE(drawn);
  EXPECT_NE(drawn->pixels, picture.pixels);
}

TEST(GeneratedSamples, segment_tells_the_colours_apart) {
  OnnxBuilder net;  // of each pixel the channel that is largest, or "dark"
  net.input("image", {"1", "3", "32", "32"});
  net.floats("weights", {4, 3, 1, 1}, {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1});
  net.floats("bias", {4}, {0.5f, 0, 0, 0});
  net.node("Conv", {"image", "weights", "bias"}, {"classes"});
  net.output("classes");
  const TempFolder folder;
  const std::string network =
      converted_network(folder.write("segmenter.onnx", net.bytes()),
                        {"--preprocess", folder.write("preprocess.json", std::string(kPreprocess)), "--classes",
                         folder.write("classes.txt", std::string("dark\nred\ngreen\nblue\n"))});
  media::Image picture = media::make_image(32, 32, 3);
  paint(picture, 0, 0, 16, 16, {255, 0, 0});
  paint(picture, 16, 0, 32, 16, {0, 0, 255});
  const std::string path = folder / "quarters.png", out = folder / "mask.png";
  ASSERT_TRUE(media::write_png(path, picture));
  const std::string text = output_of(SAMPLE_SEGMENT, {network, path, out});
  EXPECT_NE(text.find(" 50.0 %  dark"), std::string::npos) << text;
  EXPECT_NE(text.find(" 25.0 %  red"), std::string::npos) << text;
  EXPECT_NE(text.find(" 25.0 %  blue"), std::string::npos) << text;
  EXPECT_EQ(text.find("green"), std::string::npos) << text;
  const auto shown = media::read_image(out);
  ASSERT_TRUE(shown);
  EXPECT_FALSE(std::equal(shown->at(4, 4), shown->at(4, 4) + 3, shown->at(20, 4))) << "two classes, two colours";
  EXPECT_TRUE(std::equal(shown->at(4, 4), shown->at(4, 4) + 3, shown->at(12, 12)));
}

}  // namespace
}  // namespace nibble::test
