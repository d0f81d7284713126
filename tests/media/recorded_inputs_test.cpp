// The shared pictures, prepared as each network's notes say, against the inputs recorded beside the networks.
#include <cmath>
#include <cstring>

#include "media/detection.h"
#include "media/npy.h"
#include "media/preprocess.h"
#include "media_testing.h"
#include "tests/support/shared_data.h"

namespace nibble::media::test {
namespace {

using nibble::test::shared_data;
using Shape = std::vector<int64_t>;

std::vector<float> raw_floats(const std::string& path) {
  const std::string bytes = bytes_of(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

struct Recorded {
  const char* network;
  const char* input;
  const char* picture;
  const char* json;
  Shape shape;
  double step;  // of one pixel value in the network's input
};

TEST(RecordedInputs, are_what_the_preprocessing_of_each_network_gives) {
  const Recorded cases[] = {
      {"ultraface",
       "models/ultraface-rfb-320/ref/ultraface-rfb-320.in0.bin",
       "data/face-photos/6.jpg",
       R"({"mean": 0.4980392156862745, "std": 0.5019607843137255})",
       {1, 3, 240, 320},
       1.0 / 128},
      {"selfie",
       "models/selfie_segmentation_landscape/ref/selfie_segmentation_landscape.in0.bin",
       "data/face-photos/1.jpg",
       R"({"layout": "nhwc"})",
       {1, 144, 256, 3},
       1.0 / 255},
      {"mobilenet",
       "models/mobilenet_v2_1.0_224/ref/mobilenet_v2_1.0_224.in0.bin",
       "data/imagenet-sample-500/images/0000.jpg",
       R"({"crop": 224, "mean": 0.5, "std": 0.5})",
       {1, 3, 224, 224},
       2.0 / 255},
      {"vww",
       "models/vww_mobilenet_0.25/ref/vww_mobilenet_0.25.in0.bin",
       "data/coco-val-30/images/000000006818.jpg",
       "{}",
       {1, 3, 96, 96},
       1.0 / 255},
      {"deeplab",
       "models/deeplabv3_mnv2_dm05/ref/deeplabv3_mnv2_dm05.in0.bin",
       "data/segmentation-2/dog_segmentation_256.png",
       R"({"mean": 0.5, "std": 0.5})",
       {1, 3, 513, 513},
       2.0 / 255},
  };
  int compared = 0;
  for (const Recorded& recorded : cases) {
    const auto input = shared_data(recorded.input), picture = shared_data(recorded.picture);
    if (!input || !picture) continue;
    const auto image = read_image(picture->string());
    ASSERT_TRUE(succeeds(image));
    const auto found = apply(*parse_preprocessing(recorded.json), *image, recorded.shape);
    ASSERT_TRUE(succeeds(found)) << recorded.network;
    const std::vector<float> expected = raw_floats(input->string());
    ASSERT_EQ(found->size(), expected.size()) << recorded.network;
    double sum = 0.0, worst = 0.0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double steps = std::abs((*found)[i] - expected[i]) / recorded.step;
      sum += steps;
      worst = std::max(worst, steps);
    }
    // JPEG decoders differ by a few steps in few pixels (three at most here); another filter or crop differs by several
    // steps on average.
    EXPECT_LT(sum / static_cast<double>(expected.size()), 0.1) << recorded.network;
    EXPECT_LT(worst, 3.5) << recorded.network;
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the shared data is absent";
}

TEST(RecordedOutputs, of_the_face_detector_give_the_recorded_faces) {
  const auto scores_file = shared_data("models/ultraface-rfb-320/ref/ultraface-rfb-320.out0.bin");
  const auto corners_file = shared_data("models/ultraface-rfb-320/ref/ultraface-rfb-320.out1.bin");
  if (!scores_file || !corners_file) GTEST_SKIP() << "the shared data is absent";
  const std::vector<float> scores = raw_floats(scores_file->string()), corners = raw_floats(corners_file->string());
  const std::vector<OutputView> outputs{{{1, 4420, 2}, scores}, {{1, 4420, 4}, corners}};
  const auto faces = detect(*parse_detection(R"({"decoder": "ultraface"})"), outputs, {1, 1});
  ASSERT_TRUE(succeeds(faces));
  // fp32_detections.json, 6.jpg: 14 faces; the first and the last.
  ASSERT_EQ(faces->size(), 14u);
  EXPECT_NEAR(faces->front().x1, 0.2173, 1e-4);
  EXPECT_NEAR(faces->front().y2, 0.3413, 1e-4);
  EXPECT_NEAR(faces->back().x1, 0.5596, 1e-4);
  EXPECT_NEAR(faces->back().score, 0.9818, 1e-4);
}

}  // namespace
}  // namespace nibble::media::test
