#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

const std::vector<double> kNine{0, 1, 2, 3, 4, 5, 6, 7, 8};

CaseInput ones(std::vector<int64_t> shape, size_t count) {
  return f32(std::move(shape), std::vector<double>(count, 1.0)).as_constant();
}

// The published examples of ONNX ConvTranspose, one output channel each.
TEST(conv_transpose2d, spreads_each_pixel_over_a_window) {
  EXPECT_EQ(
      evaluated(ConvTranspose2d{}, {f32({1, 1, 3, 3}, kNine), ones({1, 1, 3, 3}, 9)}),
      (std::vector<double>{0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8}));
}

TEST(conv_transpose2d, dilates) {
  ConvTranspose2d op;
  op.dilation_h = op.dilation_w = 2;
  const auto x = f32({1, 1, 3, 3}, {3, 8, 1, 9, 5, 7, 3, 2, 6});
  const auto w = f32({1, 1, 2, 2}, {7, 2, 1, 9}).as_constant();
  EXPECT_EQ(evaluated(op, {x, w}), (std::vector<double>{21, 56, 13, 16, 2,  63, 35, 67, 10, 14, 24, 22, 76,
                                                        76, 21, 9,  5,  88, 45, 63, 3,  2,  33, 18, 54}));
}

TEST(conv_transpose2d, strides_pads_and_crops) {
  ConvTranspose2d op;
  op.stride_h = 3;
  op.stride_w = 2;
  op.pad_top = op.pad_bottom = 1;
  op.pad_left = op.pad_right = 2;
  EXPECT_EQ(evaluated(op, {f32({1, 1, 3, 3}, kNine), ones({1, 1, 3, 3}, 9)}),
            (std::vector<double>{1, 1, 3, 1, 1, 3, 7, 4, 9, 7, 4, 9, 7, 4, 9, 13, 7, 15, 13, 7, 15}));
}

TEST(conv_transpose2d, output_padding_adds_rows_at_the_end) {
  ConvTranspose2d op;
  op.stride_w = 2;
  op.output_pad_w = 1;
  EXPECT_EQ(evaluated(op, {f32({1, 1, 1, 2}, {1, 2}), f32({1, 1, 1, 2}, {10, 1}).as_constant()}),
            (std::vector<double>{10, 1, 20, 2, 0}));
}

TEST(conv_transpose2d, weights_are_output_channel_first) {
  ConvTranspose2d op;
  const auto x = f32({1, 2, 1, 1}, {1, 10});
  const auto w = f32({3, 2, 1, 1}, {1, 2, 3, 4, 5, 6}).as_constant();
  EXPECT_EQ(evaluated(op, {x, w}), (std::vector<double>{21, 43, 65}));
}

TEST(conv_transpose2d, refuses_output_padding_beyond_the_stride) {
  ConvTranspose2d op;
  op.output_pad_h = 1;
  EXPECT_NE(refusal(op, {f32({1, 1, 3, 3}), f32({1, 1, 3, 3}).as_constant()})
                .find("output padding: expected 0 to 0, found 1"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
