// The small programs, as a user calls them, judged by what is in the pictures.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "media/boxes.h"
#include "media/image.h"
#include "media/media_testing.h"
#include "media/metrics.h"
#include "media/resample.h"
#include "picture_net/picture_net.h"
#include "sample_networks.h"
#include "support/shared_data.h"
#include "tools/tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;

std::string line_of(const std::string& path, size_t number) {
  std::ifstream in(path);
  std::string line;
  for (size_t i = 0; i <= number; ++i) std::getline(in, line);
  return line;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void expect_error(const ToolResult& result, const std::string& words) {
  EXPECT_EQ(result.code, 1) << result.out;
  EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
}

TEST(PlainSamples, classify_names_the_known_label) {
  // sample.png is the first held-out picture; the labels begin behind the header of eight bytes.
  const std::string labels = media::test::bytes_of(shipped_file("data/glyphs/held-out-labels-idx1-ubyte"));
  ASSERT_GT(labels.size(), 8u);
  const std::string truth = line_of(shipped_file("classifier.classes.txt"), static_cast<unsigned char>(labels[8]));
  for (const char* weights : {"fp32", "int8"}) {
    const std::string text =
        output_of(SAMPLE_CLASSIFY, {shipped_network("classifier", weights), shipped_file("data/glyphs/sample.png")});
    EXPECT_NE(first_line(text).find(truth), std::string::npos) << truth << " in:\n" << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5) << text;
  }
}

TEST(PlainSamples, upscale_beats_bicubic_against_the_truth) {
  const TempFolder folder;
  for (const char* weights : {"fp32", "int8", "int4"}) {
    const std::string out = folder / "out.png";
    output_of(SAMPLE_UPSCALE, {shipped_network("upscaler", weights), shipped_file("data/pictures/low/text1.png"), out});
    const auto low = media::read_image(shipped_file("data/pictures/low/text1.png"));
    const auto high = media::read_image(shipped_file("data/pictures/high/text1.png"));
    const auto made = media::read_image(out);
    ASSERT_TRUE(low && high && made);
    ASSERT_EQ(made->width, high->width);
    ASSERT_EQ(made->height, high->height);
    const auto bicubic = media::resize(*low, high->width, high->height, media::Filter::bicubic);
    const double network = media::psnr_db(*high, *made), plain = media::psnr_db(*high, *bicubic);
    std::printf("%s: %.2f dB, bicubic %.2f dB\n", weights, network, plain);
    EXPECT_GE(network, plain + 2.0) << weights;
  }
}

TEST(PlainSamples, detect_finds_known_objects_and_draws_them) {
  const TempFolder folder;
  const std::string preprocess = folder.write(
      "yolox.json",
      R"({"resize":{"mode":"letterbox","size":[416,416],"fill":114,"anchor":"topleft","filter":"bilinear"},"color":"bgr","std":0.00392156862745098})");
  const auto data = shared_data("data/coco-val-30");
  if (!data) GTEST_SKIP() << "shared data absent";
  const std::string network =
      shared_network("yolox_nano/yolox_nano.onnx", {"--preprocess", preprocess, "--detection", R"({"decoder":"yolox"})",
                                                    "--classes", (*data / "classes.txt").string()});
  if (network.empty()) GTEST_SKIP() << "shared network absent";
  const std::string name = "images/000000025560.jpg", out = folder / "boxes.png";
  const std::string text = output_of(SAMPLE_DETECT, {network, (*data / name).string(), out});
  for (const char* word : {"cat", "tv", "person"}) EXPECT_NE(text.find(word), std::string::npos) << text;
  const auto truth = media::read_boxes_tsv((*data / "boxes.tsv").string());
  ASSERT_TRUE(truth) << truth.error().message;
  const auto* boxes = media::find_true_boxes(*truth, name);
  ASSERT_NE(boxes, nullptr);
  std::istringstream lines(text);
  size_t found = 0;
  for (std::string line; std::getline(lines, line);) {
    float score = 0;
    char label[64];
    media::Box box;
    if (std::sscanf(line.c_str(), "%f %63s %f %f %f %f", &score, label, &box.x1, &box.y1, &box.x2, &box.y2) != 6) {
      continue;
    }
    found += std::any_of(boxes->begin(), boxes->end(),
                         [&](const media::TrueBox& known) { return media::box_iou(known.box, box) >= 0.5; });
  }
  EXPECT_GE(found, 3u) << text;
  const auto before = media::read_image((*data / name).string()), after = media::read_image(out);
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->pixels, after->pixels);
}

TEST(PlainSamples, segment_covers_the_bird) {
  const auto data = shared_data("data/segmentation-2");
  const auto labels = shared_data("models/deeplabv3_mnv2_dm05/labels.txt");
  if (!data || !labels) GTEST_SKIP() << "shared data absent";
  const TempFolder folder;
  const std::string preprocess = folder.write(
      "deeplab.json",
      R"({"resize":{"mode":"stretch","size":[513,513],"filter":"bilinear"},"color":"rgb","mean":0.5,"std":0.5})");
  const std::string network = shared_network("deeplabv3_mnv2_dm05/deeplabv3_mnv2_dm05.onnx",
                                             {"--preprocess", preprocess, "--classes", labels->string()});
  const std::string picture = (*data / "bird_segmentation.png").string(), out = folder / "mask.png";
  const std::string text = output_of(SAMPLE_SEGMENT, {network, picture, out});
  EXPECT_NE(text.find("bird"), std::string::npos) << text;
  // Where the picture was coloured, against the supplied mask.
  const auto before = media::read_image(picture), after = media::read_image(out);
  const auto mask = media::read_image((*data / "bird_segmentation_mask.png").string());
  ASSERT_TRUE(before && after && mask);
  std::vector<int> found, truth;
  for (size_t i = 0; i < before->pixels.size(); i += 3) {
    found.push_back(!std::equal(before->pixels.begin() + static_cast<std::ptrdiff_t>(i),
                                before->pixels.begin() + static_cast<std::ptrdiff_t>(i) + 3,
                                after->pixels.begin() + static_cast<std::ptrdiff_t>(i)));
    truth.push_back(mask->pixels[i] == 3);
  }
  const auto iou = media::mean_iou(truth, found, 2);
  ASSERT_TRUE(iou);
  std::printf("IoU %.3f\n", *iou);
  EXPECT_GE(*iou, 0.8);
}

TEST(PlainSamples, say_what_is_wrong_with_their_input) {
  const TempFolder folder;
  const std::string network = shipped_network("classifier", "fp32");
  const std::string damaged = folder.write("damaged.png", std::string("\x89PNG\r\n\x1a\n nothing else"));
  expect_error(run_tool(SAMPLE_CLASSIFY, {folder / "absent.nbl", damaged}), "absent.nbl");
  expect_error(run_tool(SAMPLE_CLASSIFY, {network, damaged}), "damaged.png");
  expect_error(run_tool(SAMPLE_CLASSIFY, {damaged, shipped_file("data/glyphs/sample.png")}), "damaged.png");
  expect_error(run_tool(SAMPLE_DETECT, {network, shipped_file("data/glyphs/sample.png")}), "decoder");
  expect_error(run_tool(SAMPLE_SEGMENT, {network, shipped_file("data/glyphs/sample.png"), folder / "out.png"}),
               "rows and columns");
  expect_error(run_tool(SAMPLE_UPSCALE, {network, shipped_file("data/glyphs/sample.png"), folder / "out.png"}),
               "no picture");
  EXPECT_EQ(run_tool(SAMPLE_CLASSIFY, {}).code, 2);
}

TEST(PictureNet, derives_what_a_network_does_from_its_outputs) {
  using samples::Task;
  const auto tensor = [](std::vector<int64_t> shape) { return TensorInfo{.shape = std::move(shape)}; };
  tools::Meaning plain, detector, luma;
  detector.detection = media::Detection{};
  luma.preprocessing.color = media::Color::ycbcr_y;
  const std::vector<TensorInfo> color{tensor({1, 3, 32, 32})}, gray{tensor({1, 1, 32, 32})};
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 1000})}), Task::classes);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 10, 1, 1})}), Task::classes);
  EXPECT_EQ(samples::derive_task(detector, color, {tensor({1, 3549, 85})}), Task::boxes);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 21, 32, 32})}), Task::mask);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 1, 32, 32})}), Task::mask);
  EXPECT_EQ(samples::derive_task(plain, gray, {tensor({1, 1, 64, 64})}), Task::picture);
  EXPECT_EQ(samples::derive_task(luma, color, {tensor({1, 1, 64, 64})}), Task::picture);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 3, 64, 64})}), Task::picture);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({1, 7, 9})}), Task::mask);
  EXPECT_EQ(samples::derive_task(plain, color, {tensor({4, 5, 6, 7, 8})}), Task::numbers);
}

}  // namespace
}  // namespace nibble::test
