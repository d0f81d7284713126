#include "media/detection.h"

#include <cmath>

#include "media_testing.h"

namespace nibble::media::test {
namespace {

TEST(DetectionJson, reads_decoders_with_their_own_defaults) {
  const auto yolox = parse_detection(R"({"decoder": "yolox"})");
  ASSERT_TRUE(succeeds(yolox));
  EXPECT_EQ(*yolox, (Detection{Detection::Decoder::yolox, {8, 16, 32}, 0.3, 0.65}));
  const auto faces = parse_detection(R"({"decoder": "ultraface"})");
  ASSERT_TRUE(succeeds(faces));
  EXPECT_EQ(faces->score, 0.7);
  EXPECT_EQ(faces->nms, 0.3);
  const auto all = parse_detection(R"({"decoder": "yolox", "strides": [4, 8], "score": 0.1, "nms": 0.5})");
  ASSERT_TRUE(succeeds(all));
  for (const Detection& detection : {*yolox, *faces, *all}) EXPECT_EQ(*parse_detection(to_json(detection)), detection);
}

TEST(DetectionJson, names_the_key_that_is_wrong) {
  for (const auto& [text, key] :
       std::vector<std::pair<const char*, const char*>>{{"{}", "'decoder'"},
                                                        {R"({"decoder": "ssd"})", "'decoder'"},
                                                        {R"({"decoder": "yolox", "score": 2})", "'score'"},
                                                        {R"({"decoder": "yolox", "nms": "x"})", "'nms'"},
                                                        {R"({"decoder": "yolox", "strides": [0]})", "'strides[0]'"},
                                                        {R"({"decoder": "yolox", "strides": []})", "'strides'"},
                                                        {R"({"decoder": "ultraface", "strides": [8]})", "'strides'"},
                                                        {R"({"decoder": "yolox", "iou": 1})", "'iou'"}}) {
    EXPECT_TRUE(fails_naming(parse_detection(text), {key})) << text;
  }
}

// An input of 64 x 32: 8 x 4 + 4 x 2 + 2 x 1 cells, three classes.
constexpr int64_t kCells = 42, kColumns = 8;

std::vector<float> empty_grid() { return std::vector<float>(static_cast<size_t>(kCells * kColumns), 0.0f); }

void set_cell(std::vector<float>& grid, size_t cell, const std::vector<float>& values) {
  std::copy(values.begin(), values.end(), grid.begin() + static_cast<std::ptrdiff_t>(cell * kColumns));
}

Result<std::vector<Box>> detect_in(const std::vector<float>& grid, const Detection& detection) {
  const OutputView output{{1, kCells, kColumns}, grid};
  return detect(detection, std::span(&output, 1), {32, 64});
}

TEST(Yolox, decodes_cells_of_every_stride) {
  auto grid = empty_grid();
  // Stride 8, row 2, column 3; and stride 32, row 0, column 1.
  set_cell(grid, 2 * 8 + 3, {0.5f, -0.25f, std::log(2.0f), 0.0f, 0.8f, 0.1f, 0.9f, 0.2f});
  set_cell(grid, 32 + 8 + 1, {0.0f, 0.5f, 0.0f, std::log(0.5f), 1.0f, 0.5f, 0.0f, 0.0f});
  const auto boxes = detect_in(grid, {});
  ASSERT_TRUE(succeeds(boxes));
  ASSERT_EQ(boxes->size(), 2u);
  const Box& best = boxes->at(0);
  EXPECT_FLOAT_EQ(best.score, 0.8f * 0.9f);
  EXPECT_EQ(best.label, 1);
  EXPECT_FLOAT_EQ(best.x1, 3.5f * 8 - 8);
  EXPECT_FLOAT_EQ(best.x2, 3.5f * 8 + 8);
  EXPECT_FLOAT_EQ(best.y1, 1.75f * 8 - 4);
  EXPECT_FLOAT_EQ(best.y2, 1.75f * 8 + 4);
  const Box& other = boxes->at(1);
  EXPECT_FLOAT_EQ(other.x1, 32 - 16);
  EXPECT_FLOAT_EQ(other.y1, 16 - 8);
  EXPECT_EQ(other.label, 0);
}

TEST(Yolox, drops_low_scores_overlaps_and_what_is_no_number) {
  auto grid = empty_grid();
  set_cell(grid, 0, {0.5f, 0.5f, 1, 1, 0.5f, 0.6f, 0, 0});  // score 0.3: not above the threshold
  set_cell(grid, 1, {0.5f, 0.5f, 1, 1, 1.0f, 0.9f, 0, 0});
  set_cell(grid, 2, {-0.49f, 0.5f, 1, 1, 1.0f, 0.8f, 0, 0});  // nearly the same place as cell 1
  set_cell(grid, 3, {NAN, 0.5f, 1, 1, 1.0f, 0.9f, 0, 0});
  set_cell(grid, 4, {0.5f, 0.5f, 1000, 1, 1.0f, 0.9f, 0, 0});  // an infinite width
  set_cell(grid, 5, {0.5f, 0.5f, 1, 1, NAN, 0.9f, 0, 0});
  Detection detection;
  detection.score = static_cast<double>(0.5f * 0.6f);
  const auto boxes = detect_in(grid, detection);
  ASSERT_TRUE(succeeds(boxes));
  ASSERT_EQ(boxes->size(), 1u);
  EXPECT_FLOAT_EQ(boxes->at(0).score, 0.9f);
}

TEST(Yolox, refuses_outputs_of_another_network) {
  const std::vector<float> grid = empty_grid();
  for (const auto& shape : std::vector<std::vector<int64_t>>{{1, 41, 8}, {2, 21, 8}, {1, 42, 5}, {336}}) {
    const OutputView output{shape, grid};
    EXPECT_TRUE(fails_naming(detect({}, std::span(&output, 1), {32, 64}), {"yolox", "[1, 42, 5 + classes]"}));
  }
}

TEST(Ultraface, finds_faces_above_the_score_in_pixels) {
  const std::vector<float> scores{0.1f, 0.9f, 0.3f, 0.7f, 0.0f, 0.95f, 0.0f, 0.8f};
  const std::vector<float> corners{0.5f, 0.5f, 0.75f, 1.0f, 0, 0, 1, 1, 0.5f, 0.5f, 0.75f, 0.9f, 0, 0, 0.25f, 0.5f};
  Detection detection{Detection::Decoder::ultraface, {}, static_cast<double>(0.7f), 0.3};
  // The outputs are told apart by their shape, in either order.
  const std::vector<OutputView> outputs{{{1, 4, 4}, corners}, {{1, 4, 2}, scores}};
  const auto boxes = detect(detection, outputs, {240, 320});
  ASSERT_TRUE(succeeds(boxes));
  ASSERT_EQ(boxes->size(), 2u);
  EXPECT_FLOAT_EQ(boxes->at(0).score, 0.95f);
  EXPECT_FLOAT_EQ(boxes->at(0).x1, 160);
  EXPECT_FLOAT_EQ(boxes->at(0).y2, 216);
  EXPECT_FLOAT_EQ(boxes->at(1).x2, 80);
  EXPECT_FALSE(detect(detection, std::span(outputs).first(1), {240, 320}));
  const std::vector<OutputView> unequal{{{1, 2, 4}, std::span(corners).first(8)}, {{1, 4, 2}, scores}};
  EXPECT_TRUE(fails_naming(detect(detection, unequal, {240, 320}), {"ultraface"}));
}

}  // namespace
}  // namespace nibble::media::test
