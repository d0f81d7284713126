// The part of samples/android that is plain C++: a picture gets the class that nibble-run finds for it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "media/codec.h"
#include "media/read_file.h"
#include "picture_classifier.h"
#include "tests/tools/tool_process.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
const std::string kModels = std::string(NIBBLE_SOURCE_DIR) + "/samples/models/";
const std::string kPicture = kModels + "data/glyphs/sample.png";

std::vector<uint8_t> bytes_of(const std::string& path) {
  auto bytes = media::read_file(path, uint64_t{1} << 30);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? *bytes : std::vector<uint8_t>();
}

class AndroidSample : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("nibble_android_sample_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string convert(const std::vector<std::string>& more) {
    const std::string net = (folder_ / "net.nbl").string();
    std::vector<std::string> arguments = {kModels + "classifier.onnx", "-o", net, "--weights", "fp32"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::ToolResult result = test::run_tool(NIBBLE_CONVERT, arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return net;
  }
  fs::path folder_;
};

TEST_F(AndroidSample, finds_the_class_that_nibble_run_finds) {
  const std::string net = convert({"--input-type", "uint8", "--preprocess", kModels + "classifier.preprocess.json",
                                   "--classes", kModels + "classifier.classes.txt", "--calibrate",
                                   kModels + "data/glyphs/calibration-images-idx3-ubyte"});
  const std::vector<uint8_t> file = bytes_of(net);
  auto classifier = PictureClassifier::create(std::as_bytes(std::span(file)), (folder_ / "cache.bin").string());
  ASSERT_TRUE(classifier) << classifier.error().message;
  const auto image = media::decode_rgba(bytes_of(kPicture));
  ASSERT_TRUE(image) << image.error().message;
  const auto width = static_cast<uint32_t>(image->width), height = static_cast<uint32_t>(image->height);
  const auto best = classifier->classify(image->pixels, width, height, size_t{4} * width);
  ASSERT_TRUE(best) << best.error().message;
  const std::string expected = test::output_of(NIBBLE_RUN, {net, "--input", kPicture, "--top", "1"});
  EXPECT_NE(expected.find("  " + *best + "\n"), std::string::npos) << *best << " is not in\n" << expected;

  EXPECT_FALSE(classifier->classify(image->pixels, width, height + 1, size_t{4} * width));
  EXPECT_FALSE(classifier->classify(image->pixels, width, height, 4));
}

TEST_F(AndroidSample, refuses_a_network_that_takes_no_pixels) {
  const std::vector<uint8_t> file = bytes_of(convert({}));
  const auto classifier = PictureClassifier::create(std::as_bytes(std::span(file)), {});
  ASSERT_FALSE(classifier);
  EXPECT_NE(classifier.error().message.find("--input-type uint8"), std::string::npos);
  EXPECT_FALSE(PictureClassifier::create({}, {}));
}

}  // namespace
}  // namespace nibble
