#include "core/requantize.h"
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

Pool2d pool(PoolKind kind, int32_t kernel, int32_t stride, int32_t pad) {
  Pool2d op;
  op.kind = kind;
  op.kernel_h = op.kernel_w = kernel;
  op.stride_h = op.stride_w = stride;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = pad;
  return op;
}

CaseInput one_to(int64_t rows, int64_t columns) {
  CaseInput out = f32({1, 1, rows, columns});
  for (int64_t i = 1; i <= rows * columns; ++i) out.elements.push_back(static_cast<double>(i));
  return out;
}

// The published examples of ONNX MaxPool and AveragePool over 1 ... 25 and 1 ... 16.
TEST(pool2d, takes_the_maximum_over_padded_windows) {
  EXPECT_EQ(evaluated(pool(PoolKind::max, 5, 1, 2), {one_to(5, 5)}),
            (std::vector<double>{13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25,
                                 25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25}));
}

TEST(pool2d, strides_and_dilates) {
  EXPECT_EQ(evaluated(pool(PoolKind::max, 2, 2, 0), {one_to(5, 5)}), (std::vector<double>{7, 9, 17, 19}));
  Pool2d op = pool(PoolKind::max, 2, 1, 0);
  op.dilation_h = op.dilation_w = 2;
  EXPECT_EQ(evaluated(op, {one_to(4, 4)}), (std::vector<double>{11, 12, 15, 16}));
}

TEST(pool2d, rounds_up_where_asked) {
  Pool2d op = pool(PoolKind::max, 3, 2, 0);
  op.ceil_mode = true;
  EXPECT_EQ(evaluated(op, {one_to(4, 4)}), (std::vector<double>{11, 12, 15, 16}));
}

TEST(pool2d, no_window_begins_in_the_trailing_padding) {
  Pool2d op = pool(PoolKind::max, 1, 2, 0);
  op.ceil_mode = true;
  EXPECT_EQ(evaluated_shape(op, {f32({1, 1, 2, 3})}), (std::vector<int64_t>{1, 1, 1, 2}));
  Pool2d padded = pool(PoolKind::average, 2, 2, 1);
  padded.ceil_mode = true;
  EXPECT_EQ(evaluated_shape(padded, {f32({1, 1, 3, 4})}), (std::vector<int64_t>{1, 1, 2, 3}));
}

TEST(pool2d, averages_what_is_inside) {
  const auto y = evaluated(pool(PoolKind::average, 5, 1, 2), {one_to(5, 5)});
  expect_near(std::vector<double>(y.begin(), y.begin() + 6), {7, 7.5, 8, 8.5, 9, 9.5}, 1e-12);
}

TEST(pool2d, counts_padding_where_asked) {
  Pool2d op = pool(PoolKind::average, 5, 1, 2);
  op.count_include_pad = true;
  const auto y = evaluated(op, {one_to(5, 5)});
  expect_near(std::vector<double>(y.begin(), y.begin() + 5), {2.52, 3.6, 4.8, 4.08, 3.24}, 1e-12);
}

TEST(pool2d, maximum_of_integers_keeps_them) {
  EXPECT_EQ(evaluated(pool(PoolKind::max, 2, 1, 1), {stored_i8({1, 1, 2, 2}, {-100, -120, -90, -128}, 0.1f, 5)}),
            (std::vector<double>{-100, -100, -120, -90, -90, -120, -90, -90, -128}));
}

TEST(pool2d, averages_integers_by_the_contract) {
  Pool2d op = pool(PoolKind::average, 2, 1, 1);
  op.clamp = {-20, 127};
  const auto x = stored_i8({1, 1, 2, 2}, {10, 20, 30, -41}, 0.5f, 3);
  const auto y = evaluated(op, {x}, declared_i8(0.25f, -7));
  // Differences from 3 are 7, 17, 27, -44; doubled by the scales, divided by 1, 2, 1 / 2, 4, 2 / 1, 2, 1 pixels.
  EXPECT_EQ(y, (std::vector<double>{-7 + 14, -7 + 24, -7 + 34, -7 + 34, -7 + 4, -20, -7 + 54, -20, -20}));
}

TEST(pool2d, refuses_windows_that_do_not_fit) {
  EXPECT_NE(refusal(pool(PoolKind::max, 3, 1, 0), {f32({1, 1, 2, 5})}).find("sizes must lie in 1"), std::string::npos);
  EXPECT_NE(
      refusal(pool(PoolKind::max, 2, 1, 2), {f32({1, 1, 9, 9})}).find("leading padding: expected 0 to 1, found 2"),
      std::string::npos);
  EXPECT_NE(refusal(pool(PoolKind::max, 0, 1, 0), {f32({1, 1, 9, 9})}).find("kernel: expected 1"), std::string::npos);
  EXPECT_NE(refusal(pool(PoolKind::max, 1, 0, 0), {f32({1, 1, 9, 9})}).find("stride"), std::string::npos);
  EXPECT_NE(refusal(pool(static_cast<PoolKind>(5), 1, 1, 0), {f32({1, 1, 9, 9})}).find("unknown pooling"),
            std::string::npos);
  EXPECT_NE(refusal(pool(PoolKind::average, 1, 1, 0), {u8({1, 1, 9, 9}, 1.0f, 0)}).find("found u8"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
