#include "media/boxes.h"

#include "media_testing.h"

namespace nibble::media::test {
namespace {

Box square(float x, float y, float side, float score, int label) { return {x, y, x + side, y + side, score, label}; }

std::vector<float> scores_of(const std::vector<Box>& boxes) {
  std::vector<float> scores;
  for (const Box& box : boxes) scores.push_back(box.score);
  return scores;
}

TEST(Boxes, overlap_is_intersection_over_union) {
  EXPECT_DOUBLE_EQ(box_iou(square(0, 0, 2, 1, 0), square(1, 0, 2, 1, 0)), 2.0 / 6.0);
  EXPECT_DOUBLE_EQ(box_iou(square(0, 0, 2, 1, 0), square(0, 0, 2, 1, 0)), 1.0);
  EXPECT_DOUBLE_EQ(box_iou(square(0, 0, 2, 1, 0), square(2, 0, 2, 1, 0)), 0.0);
  EXPECT_DOUBLE_EQ(box_iou(square(0, 0, 0, 1, 0), square(0, 0, 0, 1, 0)), 0.0);
  EXPECT_DOUBLE_EQ(box_iou({2, 2, 0, 0, 1, 0}, square(0, 0, 2, 1, 0)), 0.0);  // turned inside out
}

TEST(Boxes, suppression_keeps_the_best_of_a_heap_and_other_classes) {
  const auto kept = suppress_overlaps(
      {square(0, 0, 10, 0.5f, 1), square(1, 0, 10, 0.9f, 1), square(1, 0, 10, 0.8f, 2), square(20, 0, 10, 0.3f, 1)},
      0.5);
  EXPECT_EQ(scores_of(kept), (std::vector<float>{0.9f, 0.8f, 0.3f}));
  // Only what overlaps by more than the threshold goes.
  EXPECT_EQ(suppress_overlaps({square(0, 0, 2, 0.9f, 0), square(1, 0, 2, 0.8f, 0)}, 2.0 / 6.0).size(), 2u);
}

TEST(Boxes, a_suppressed_box_suppresses_nothing) {
  // Each overlaps the next by 2/3; the first takes the second, so that the third stays.
  const auto kept =
      suppress_overlaps({square(0, 0, 10, 0.9f, 0), square(2, 0, 10, 0.8f, 0), square(4, 0, 10, 0.7f, 0)}, 0.5);
  EXPECT_EQ(scores_of(kept), (std::vector<float>{0.9f, 0.7f}));
}

TEST(Boxes, matching_uses_each_box_once_and_asks_for_the_class) {
  const std::vector<Box> reference{square(0, 0, 10, 0.9f, 1), square(1, 0, 10, 0.8f, 1), square(50, 0, 10, 0.7f, 2)};
  EXPECT_EQ(matched_boxes(reference, reference, 0.5), 3u);
  const std::vector<Box> one{square(0, 0, 10, 0.9f, 1)};
  EXPECT_EQ(matched_boxes(reference, one, 0.5), 1u);
  const std::vector<Box> wrong_class{square(50, 0, 10, 0.9f, 1)};
  EXPECT_EQ(matched_boxes(reference, wrong_class, 0.5), 0u);
  EXPECT_EQ(matched_boxes({}, reference, 0.5), 0u);
}

TEST(Boxes, mapping_back_undoes_scale_and_offset) {
  const auto mapped =
      in_source_pixels({{12, 6, 22, 26, 0.5f, 3}}, {.scale_x = 2, .scale_y = 4, .offset_x = 2, .offset_y = 6});
  EXPECT_FLOAT_EQ(mapped[0].x1, 5);
  EXPECT_FLOAT_EQ(mapped[0].x2, 10);
  EXPECT_FLOAT_EQ(mapped[0].y1, 0);
  EXPECT_FLOAT_EQ(mapped[0].y2, 5);
}

TEST(Boxes, reads_the_table_of_true_boxes) {
  const TempFolder folder;
  const auto boxes = read_boxes_tsv(folder.write("boxes.tsv",
                                                 "#file\tclass_index\tclass\tx1\ty1\tx2\ty2\tiscrowd\n"
                                                 "images/a.jpg\t61\ttoilet\t121.5\t306.7\t187.0\t343.1\t0\n"
                                                 "images/a.jpg\t2\tcar\t1\t2\t3\t4\t1\n"
                                                 "images/b.jpg\t0\tperson\t0\t0\t5\t5\n"));
  ASSERT_TRUE(succeeds(boxes));
  ASSERT_EQ(boxes->size(), 2u);
  const auto* a = find_true_boxes(*boxes, "a.jpg");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->size(), 2u);
  EXPECT_EQ(a->at(0).box.label, 61);
  EXPECT_FLOAT_EQ(a->at(0).box.y2, 343.1f);
  EXPECT_FALSE(a->at(0).crowd);
  EXPECT_TRUE(a->at(1).crowd);
  EXPECT_EQ(find_true_boxes(*boxes, "images/b.jpg")->size(), 1u);
  EXPECT_EQ(find_true_boxes(*boxes, "c.jpg"), nullptr);
}

TEST(Boxes, names_line_and_column_of_a_wrong_table) {
  const TempFolder folder;
  EXPECT_TRUE(fails_naming(read_boxes_tsv(folder.write("a", "x.jpg\t1\tcar\t1\t2\t3\n")), {"line 1", "column 7"}));
  EXPECT_TRUE(
      fails_naming(read_boxes_tsv(folder.write("b", "#\nx.jpg\tcar\t1\t1\t2\t3\t4\n")), {"line 2", "column 2"}));
  EXPECT_TRUE(fails_naming(read_boxes_tsv(folder.write("c", "x.jpg\t1\tcar\t1\tnan\t3\t4\n")), {"column 5"}));
  EXPECT_TRUE(fails_naming(read_boxes_tsv(folder.write("d", "x.jpg\t1\tcar\t1\t2\t3\t4\tyes\n")), {"column 8"}));
  EXPECT_TRUE(fails_naming(read_boxes_tsv(folder.write("e", "# none\n")), {"no boxes"}));
}

TEST(AveragePrecision, follows_the_envelope_over_all_points) {
  // Scores 0.9 right, 0.8 wrong, 0.7 right, of two true boxes: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
  DetectedPicture picture;
  picture.truth = {{square(0, 0, 10, 0, 4), false}, {square(50, 0, 10, 0, 4), false}};
  picture.found = {square(50, 0, 10, 0.7f, 4), square(0, 0, 10, 0.9f, 4), square(90, 0, 10, 0.8f, 4)};
  const auto precision = average_precision(std::span(&picture, 1), 0.5);
  EXPECT_DOUBLE_EQ(precision.mean, 0.5 * 1.0 + 0.5 * 2.0 / 3.0);
  EXPECT_EQ(precision.by_class.size(), 1u);
}

TEST(AveragePrecision, counts_a_second_detection_of_a_box_as_wrong) {
  DetectedPicture picture;
  picture.truth = {{square(0, 0, 10, 0, 0), false}, {square(50, 0, 10, 0, 0), false}};
  picture.found = {square(0, 0, 10, 0.9f, 0), square(1, 0, 10, 0.8f, 0), square(50, 0, 10, 0.7f, 0)};
  EXPECT_DOUBLE_EQ(average_precision(std::span(&picture, 1), 0.5).mean, 0.5 * 1.0 + 0.5 * 2.0 / 3.0);
}

TEST(AveragePrecision, is_the_mean_over_classes_that_have_true_boxes) {
  std::vector<DetectedPicture> pictures(2);
  pictures[0].truth = {{square(0, 0, 10, 0, 0), false}};
  pictures[0].found = {square(0, 0, 10, 0.9f, 0),
                       square(0, 0, 10, 0.9f, 7)};  // class 7 is nowhere: no class to average
  pictures[1].truth = {{square(0, 0, 10, 0, 1), false}};
  const auto precision = average_precision(pictures, 0.5);
  EXPECT_DOUBLE_EQ(precision.mean, 0.5);
  EXPECT_DOUBLE_EQ(precision.by_class.at(0), 1.0);
  EXPECT_DOUBLE_EQ(precision.by_class.at(1), 0.0);
  EXPECT_DOUBLE_EQ(average_precision({}, 0.5).mean, 0.0);
}

TEST(AveragePrecision, looks_for_boxes_in_the_same_picture_only) {
  std::vector<DetectedPicture> pictures(2);
  pictures[0].truth = {{square(0, 0, 10, 0, 0), false}};
  pictures[1].found = {square(0, 0, 10, 0.9f, 0)};
  EXPECT_DOUBLE_EQ(average_precision(pictures, 0.5).mean, 0.0);
}

TEST(AveragePrecision, leaves_crowd_boxes_out) {
  DetectedPicture picture;
  picture.truth = {{square(0, 0, 10, 0, 0), false}, {square(100, 0, 50, 0, 0), true}};
  picture.found = {square(100, 0, 50, 0.95f, 0), square(0, 0, 10, 0.9f, 0)};
  // One true box; the better-scored detection is wrong.
  EXPECT_DOUBLE_EQ(average_precision(std::span(&picture, 1), 0.5).mean, 0.5);
  picture.truth.erase(picture.truth.begin());
  EXPECT_TRUE(average_precision(std::span(&picture, 1), 0.5).by_class.empty());
}

}  // namespace
}  // namespace nibble::media::test
