// Operators that move elements: Concat, Slice, Pad, Reshape, Transpose, Gather, Expand; float and stored integers
// alike.
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

CaseInput counting(std::vector<int64_t> shape) {
  CaseInput out = f32(shape);
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  for (int64_t i = 0; i < count; ++i) out.elements.push_back(static_cast<double>(i));
  return out;
}

TEST(concat, joins_along_an_axis) {
  EXPECT_EQ(evaluated(Concat{1}, {counting({2, 2}), f32({2, 1}, {8, 9})}), (std::vector<double>{0, 1, 8, 2, 3, 9}));
  EXPECT_EQ(evaluated(Concat{0}, {counting({1, 2}), counting({2, 2})}), (std::vector<double>{0, 1, 0, 1, 2, 3}));
  EXPECT_EQ(evaluated(Concat{0}, {i64({1}, {5}), i64({2}, {6, 7})}), (std::vector<double>{5, 6, 7}));
}

TEST(concat, refuses_what_does_not_fit) {
  EXPECT_NE(refusal(Concat{0}, {f32({2, 2}), f32({2, 3})}).find("apart from axis 0, found [2, 3]"), std::string::npos);
  EXPECT_NE(refusal(Concat{0}, {f32({2}), i64({1}, {5})}).find("input 1: expected type f32, found i64"),
            std::string::npos);
  EXPECT_NE(refusal(Concat{0}, {i8({2}, 0.1f, 0), i8({2}, 0.1f, 1)}).find("found scale 0.1, zero point 1"),
            std::string::npos);
  EXPECT_NE(refusal(Concat{0}, {}).find("at least one input"), std::string::npos);
  EXPECT_NE(refusal(Concat{2}, {f32({2, 2})}).find("axis 2 is outside"), std::string::npos);
}

Slice slice(std::vector<int64_t> starts, std::vector<int64_t> steps, std::vector<int64_t> sizes) {
  return {Shape(starts.begin(), starts.end()), std::move(steps), Shape(sizes.begin(), sizes.end())};
}

TEST(slice, steps_forwards_and_backwards) {
  EXPECT_EQ(evaluated(slice({1, 0}, {1, 2}, {2, 2}), {counting({3, 4})}), (std::vector<double>{4, 6, 8, 10}));
  EXPECT_EQ(evaluated(slice({2, 3}, {-2, -1}, {2, 3}), {counting({3, 4})}), (std::vector<double>{11, 10, 9, 3, 2, 1}));
  EXPECT_EQ(evaluated(slice({0}, {1}, {1}), {stored_i8({3}, {-128, 1, 2}, 1.0f, 0)}), (std::vector<double>{-128}));
}

TEST(slice, refuses_indices_outside) {
  EXPECT_NE(refusal(slice({2}, {1}, {2}), {f32({3})}).find("axis 0: indices 2 to 3 are outside a size of 3"),
            std::string::npos);
  EXPECT_NE(refusal(slice({1}, {-1}, {3}), {f32({3})}).find("indices 1 to -1"), std::string::npos);
  EXPECT_NE(refusal(slice({0}, {0}, {1}), {f32({3})}).find("step other than 0"), std::string::npos);
  EXPECT_NE(refusal(slice({0}, {1}, {1}), {f32({3, 3})}).find("expected 2 starts, steps and sizes"), std::string::npos);
  EXPECT_NE(refusal(slice({0}, {1}, {0}), {f32({3})}).find("size of a slice"), std::string::npos);
}

Pad pad(PadMode mode, std::vector<int64_t> begins, std::vector<int64_t> ends, float value = 0.0f) {
  return {mode, std::move(begins), std::move(ends), value};
}

TEST(pad, fills_in_every_mode) {
  const auto x = counting({1, 3});
  EXPECT_EQ(evaluated(pad(PadMode::constant, {1, 1}, {0, 2}, 9), {x}),
            (std::vector<double>{9, 9, 9, 9, 9, 9, 9, 0, 1, 2, 9, 9}));
  EXPECT_EQ(evaluated(pad(PadMode::reflect, {0, 2}, {0, 2}), {x}), (std::vector<double>{2, 1, 0, 1, 2, 1, 0}));
  EXPECT_EQ(evaluated(pad(PadMode::edge, {0, 2}, {1, 1}), {x}),
            (std::vector<double>{0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(evaluated(pad(PadMode::wrap, {0, 2}, {0, 3}), {x}), (std::vector<double>{1, 2, 0, 1, 2, 0, 1, 2}));
}

TEST(pad, stores_the_constant_as_the_integer_that_means_it) {
  const auto x = stored_i8({1}, {7}, 0.5f, 3);
  EXPECT_EQ(evaluated(pad(PadMode::constant, {1}, {0}), {x}), (std::vector<double>{3, 7}));
  EXPECT_EQ(evaluated(pad(PadMode::constant, {1}, {0}, -2), {x}), (std::vector<double>{-1, 7}));
  EXPECT_NE(refusal(pad(PadMode::constant, {1}, {0}, 100), {x}).find("value: 100 is outside what x can hold"),
            std::string::npos);
}

TEST(pad, refuses_amounts_that_make_no_sense) {
  EXPECT_NE(
      refusal(pad(PadMode::reflect, {3}, {0}), {f32({3})}).find("padding by reflection: expected 0 to 2, found 3"),
      std::string::npos);
  EXPECT_NE(refusal(pad(PadMode::constant, {-1}, {0}), {f32({3})}).find("padding: expected 0"), std::string::npos);
  EXPECT_NE(
      refusal(pad(PadMode::constant, {1}, {}), {f32({3})}).find("expected 1 amounts at either end, found 1 and 0"),
      std::string::npos);
  EXPECT_NE(refusal(pad(static_cast<PadMode>(9), {1}, {1}), {f32({3})}).find("unknown padding number 9"),
            std::string::npos);
}

TEST(reshape, keeps_the_order_of_elements) {
  EXPECT_EQ(evaluated(Reshape{{3, 2}}, {counting({2, 3})}), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(evaluated_shape(Reshape{{1, 6, 1}}, {counting({2, 3})}), (std::vector<int64_t>{1, 6, 1}));
  EXPECT_NE(refusal(Reshape{{4}}, {counting({2, 3})}).find("[4] has 4 elements, x of shape [2, 3] has 6"),
            std::string::npos);
  EXPECT_NE(refusal(Reshape{Shape(9, 1)}, {f32({1})}).find("at most 8 axes"), std::string::npos);
}

TEST(transpose, permutes_axes) {
  EXPECT_EQ(evaluated(Transpose{{1, 0}}, {counting({2, 3})}), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(evaluated(Transpose{{2, 0, 1}}, {counting({2, 2, 2})}), (std::vector<double>{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(evaluated(Transpose{{0, 2, 1}}, {stored_i8({1, 2, 2}, {1, 2, 3, 4}, 1.0f, 0)}),
            (std::vector<double>{1, 3, 2, 4}));
  EXPECT_NE(refusal(Transpose{{0, 0}}, {f32({2, 3})}).find("axis 0 occurs twice"), std::string::npos);
  EXPECT_NE(refusal(Transpose{{0}}, {f32({2, 3})}).find("expected 2 axes, found 1"), std::string::npos);
}

TEST(gather, picks_by_index_from_either_end) {
  EXPECT_EQ(evaluated(Gather{0}, {counting({3, 2}), i64({2}, {2, -3})}), (std::vector<double>{4, 5, 0, 1}));
  EXPECT_EQ(evaluated(Gather{1}, {counting({2, 3}), i32({1, 2}, {0, 2})}), (std::vector<double>{0, 2, 3, 5}));
  EXPECT_EQ(evaluated_shape(Gather{1}, {counting({2, 3}), i32({1, 2}, {0, 2})}), (std::vector<int64_t>{2, 1, 2}));
  EXPECT_EQ(evaluated_shape(Gather{0}, {counting({3, 2}), i64({}, {1})}), (std::vector<int64_t>{2}));
}

TEST(gather, reads_indices_out_of_range_as_clamped) {
  EXPECT_EQ(evaluated(Gather{0}, {counting({3}), i64({3}, {99, -99, -1})}), (std::vector<double>{2, 0, 2}));
  EXPECT_NE(refusal(Gather{0}, {counting({3}), f32({1})}).find("indices: expected type i32, i64, found f32"),
            std::string::npos);
}

TEST(expand, repeats_unit_axes) {
  EXPECT_EQ(evaluated(Expand{{2, 2, 3}}, {f32({2, 1}, {1, 2})}),
            (std::vector<double>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}));
  EXPECT_NE(refusal(Expand{{2, 2}}, {f32({3, 1})}).find("x of shape [3, 1] cannot be repeated to [2, 2]"),
            std::string::npos);
  EXPECT_NE(refusal(Expand{{1 << 20, 1 << 20}}, {f32({1})}).find("more than"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
