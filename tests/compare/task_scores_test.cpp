#include "converter/report/task_scores.h"

#include <gtest/gtest.h>

#include "converter/report/task.h"

namespace nibble::report {
namespace {

RealTensor real(std::vector<int64_t> shape, std::vector<float> values, DType type = DType::f32) {
  return {"y", type, false, std::move(shape), std::move(values)};
}

TEST(ClassScores, agreement_and_accuracy_count_samples) {
  ClassScores scores;
  const RealTensor second = real({1, 7}, {0, 9, 1, 2, 3, 4, 5}), last = real({1, 7}, {0, 1, 2, 3, 4, 5, 9});
  ASSERT_TRUE(scores.add(second, second, 1));
  ASSERT_TRUE(scores.add(second, last, 1));  // class 1 is not in the top five of `last`
  ASSERT_TRUE(scores.add(last, last, std::nullopt));
  EXPECT_EQ(scores.agreement().hits, 2u);
  EXPECT_EQ(scores.agreement().total, 3u);
  EXPECT_TRUE(scores.one_decision_a_sample());
  EXPECT_DOUBLE_EQ(*scores.reference().top1.value(), 1.0);
  EXPECT_DOUBLE_EQ(*scores.other().top1.value(), 0.5);
  EXPECT_DOUBLE_EQ(*scores.other().top5.value(), 0.5);
}

TEST(ClassScores, drop_is_paired) {
  ClassScores scores;
  const RealTensor first = real({1, 2}, {9, 0}), second = real({1, 2}, {0, 9});
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(scores.add(first, first, 0));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scores.add(first, second, 0));
  ASSERT_TRUE(scores.add(first, second, 1));
  const auto drop = scores.top1_drop();
  ASSERT_TRUE(drop);
  EXPECT_DOUBLE_EQ(drop->drop, 0.2);  // three lost, one gained of ten
  // (3 - 1) / 12 -+ 1.96 sqrt(3 + 1 + 1 - 4 / 12) / 12
  EXPECT_NEAR(drop->interval.low, 0.166667 - 0.352835, 1e-5);
  EXPECT_NEAR(drop->interval.high, 0.166667 + 0.352835, 1e-5);
  EXPECT_FALSE(ClassScores().top1_drop());
}

TEST(ClassScores, every_row_of_a_sequence_is_a_decision) {
  ClassScores scores;
  ASSERT_TRUE(scores.add(real({1, 2, 3}, {1, 0, 0, 0, 0, 1}), real({1, 2, 3}, {1, 0, 0, 1, 0, 0}), 0));
  EXPECT_EQ(scores.agreement().hits, 1u);
  EXPECT_EQ(scores.agreement().total, 2u);
  EXPECT_FALSE(scores.one_decision_a_sample());
  EXPECT_FALSE(scores.other().top1.value()) << "a label says nothing about several rows";
}

TEST(ClassScores, single_number_is_a_probability_or_a_class_index) {
  EXPECT_EQ(decision(std::vector<float>{0.7f}, false), 1);
  EXPECT_EQ(decision(std::vector<float>{0.3f}, false), 0);
  EXPECT_EQ(decision(std::vector<float>{12.0f}, true), 12);
  ClassScores scores;
  ASSERT_TRUE(scores.add(real({1}, {3}, DType::i64), real({1}, {4}, DType::i64), 3));
  EXPECT_EQ(scores.agreement().hits, 0u);
  EXPECT_DOUBLE_EQ(*scores.reference().top1.value(), 1.0);
  EXPECT_DOUBLE_EQ(*scores.other().top1.value(), 0.0);
}

TEST(ClassScores, outputs_of_different_length_are_an_error) {
  ClassScores scores;
  EXPECT_FALSE(scores.add(real({1, 2}, {0, 1}), real({1, 3}, {0, 1, 2}), std::nullopt));
}

TEST(BoxScores, counts_the_boxes_of_the_reference_that_are_found_again) {
  media::Detection detection;
  detection.decoder = media::Detection::Decoder::ultraface;
  detection.score = 0.5;
  detection.nms = 0.3;
  const auto outputs = [](float score_of_second) {
    return std::vector<RealTensor>{real({1, 2, 2}, {0.1f, 0.9f, 1.0f - score_of_second, score_of_second}),
                                   real({1, 2, 4}, {0.0f, 0.0f, 0.25f, 0.25f, 0.5f, 0.5f, 1.0f, 1.0f})};
  };
  BoxScores scores(detection);
  const media::Size input{100, 200};
  ASSERT_TRUE(scores.add(outputs(0.8f), outputs(0.2f), input));
  EXPECT_EQ(scores.boxes_reference(), 2u);
  EXPECT_EQ(scores.boxes(), 1u);
  EXPECT_DOUBLE_EQ(*scores.matched_share(), 0.5);
  EXPECT_FALSE(scores.ap50());
  media::TrueBox truth;
  truth.box = {100, 50, 200, 100, 0, 0};
  ASSERT_TRUE(scores.add_truth(outputs(0.95f), outputs(0.005f), input, {}, {truth}));
  EXPECT_NEAR(*scores.ap50_reference(), 1.0, 1e-9);
  EXPECT_NEAR(*scores.ap50(), 0.0, 1e-9);
  EXPECT_FALSE(scores.add({real({1, 2}, {0, 0})}, {real({1, 2}, {0, 0})}, input));
}

TEST(MaskScores, foreground_of_one_channel) {
  MaskScores scores;
  const RealTensor reference = real({1, 1, 1, 4}, {0.9f, 0.8f, 0.1f, 0.2f}),
                   other = real({1, 1, 1, 4}, {0.9f, 0.4f, 0.6f, 0.2f});
  ASSERT_TRUE(scores.add(reference, other, media::Layout::nchw));
  EXPECT_NEAR(*scores.iou(), 1.0 / 3.0, 1e-9);
  EXPECT_DOUBLE_EQ(*scores.pixels().value(), 0.5);
  ASSERT_TRUE(scores.add(reference, reference, media::Layout::nchw));
  EXPECT_NEAR(*scores.iou(), 2.0 / 3.0, 1e-9) << "mean over pictures";
}

TEST(MaskScores, same_class_is_needed_in_common_and_background_is_left_out) {
  MaskScores scores;
  // Classes of three pixels: 0 1 2 against 0 1 1.
  const RealTensor reference = real({1, 3, 1, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}),
                   other = real({1, 3, 1, 3}, {1, 0, 0, 0, 1, 1, 0, 0, 0});
  ASSERT_TRUE(scores.add(reference, other, media::Layout::nchw));
  EXPECT_DOUBLE_EQ(*scores.iou(), 0.5);
  EXPECT_NEAR(*scores.class_iou(), (1.0 + 0.5 + 0.0) / 3.0, 1e-9);
}

TEST(PictureScores, pixels_are_clamped_before_they_are_compared) {
  PictureScores scores;
  media::Preprocessing p;
  ASSERT_TRUE(scores.add(real({1, 1, 1, 2}, {1.5f, -2.0f}), real({1, 1, 1, 2}, {1.0f, -0.1f}), p));
  EXPECT_DOUBLE_EQ(*scores.psnr_db(), PictureScores::kMostPsnr);
  ASSERT_TRUE(scores.add(real({1, 1, 1, 2}, {1.0f, 0.5f}), real({1, 1, 1, 2}, {0.9f, 0.6f}), p));
  EXPECT_NEAR(*scores.least_psnr_db(), 20.0, 1e-4);
  EXPECT_NEAR(*scores.psnr_db(), 60.0, 1e-4);
}

TEST(Task, is_guessed_by_the_shapes) {
  const media::Preprocessing p;
  const std::vector<int64_t> picture{1, 3, 64, 64}, gray{1, 1, 64, 64};
  const auto guess = [&](const std::vector<int64_t>& input, const std::vector<int64_t>& output) {
    return guess_task(false, input, output, p);
  };
  EXPECT_EQ(guess(picture, {1, 1000}), Task::classify);
  EXPECT_EQ(guess(picture, {1, 1000, 1, 1}), Task::classify);
  EXPECT_EQ(guess(picture, {1, 3, 64, 64}), Task::image);
  EXPECT_EQ(guess(gray, {1, 1, 192, 192}), Task::image);
  EXPECT_EQ(guess(picture, {1, 1, 64, 64}), Task::segment);
  EXPECT_EQ(guess(picture, {1, 21, 64, 64}), Task::segment);
  EXPECT_EQ(guess({1, 64, 64, 3}, {1, 64, 64, 1}), Task::segment);
  EXPECT_EQ(guess({1, 16}, {1, 16, 512}), Task::values);
  EXPECT_EQ(guess_task(true, picture, std::vector<int64_t>{1, 100, 85}, p), Task::detect);
}

TEST(Task, names_are_read_back) {
  EXPECT_EQ(*parse_task("segment"), Task::segment);
  EXPECT_FALSE(parse_task("segmentation"));
}

}  // namespace
}  // namespace nibble::report
