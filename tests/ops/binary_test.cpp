#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

using K = BinaryKind;

Binary binary(BinaryKind kind) {
  Binary op;
  op.kind = kind;
  return op;
}

TEST(binary, computes_known_values) {
  const auto x = f32({4}, {-2, 3, 0.5, -8});
  const auto y = f32({4}, {3, 2, -1, 2});
  EXPECT_EQ(evaluated(binary(K::add), {x, y}), (std::vector<double>{1, 5, -0.5, -6}));
  EXPECT_EQ(evaluated(binary(K::sub), {x, y}), (std::vector<double>{-5, 1, 1.5, -10}));
  EXPECT_EQ(evaluated(binary(K::mul), {x, y}), (std::vector<double>{-6, 6, -0.5, -16}));
  EXPECT_EQ(evaluated(binary(K::div), {x, y}), (std::vector<double>{-2.0 / 3.0, 1.5, -0.5, -4}));
  EXPECT_EQ(evaluated(binary(K::max), {x, y}), (std::vector<double>{3, 3, 0.5, 2}));
  EXPECT_EQ(evaluated(binary(K::min), {x, y}), (std::vector<double>{-2, 2, -1, -8}));
  EXPECT_EQ(evaluated(binary(K::pow), {x, y}), (std::vector<double>{-8, 9, 2, 64}));
  EXPECT_EQ(evaluated(binary(K::prelu), {x, y}), (std::vector<double>{-6, 3, 0.5, -16}));
}

TEST(binary, broadcasts_like_numpy) {
  const auto column = f32({2, 1}, {10, 20});
  const auto row = f32({3}, {1, 2, 3});
  EXPECT_EQ(evaluated(binary(K::add), {column, row}), (std::vector<double>{11, 12, 13, 21, 22, 23}));
  EXPECT_EQ(evaluated(binary(K::sub), {row, column}), (std::vector<double>{-9, -8, -7, -19, -18, -17}));
  EXPECT_EQ(evaluated(binary(K::add), {f32({}, {5}), row}), (std::vector<double>{6, 7, 8}));
  EXPECT_EQ(evaluated_shape(Binary{}, {f32({2, 1, 4, 1}), f32({3, 1, 5})}), (std::vector<int64_t>{2, 3, 4, 5}));
}

TEST(binary, broadcasts_an_axis_in_the_middle) {
  const auto x = f32({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto y = f32({3, 1}, {100, 200, 300});
  EXPECT_EQ(evaluated(binary(K::add), {x, y}),
            (std::vector<double>{100, 101, 202, 203, 304, 305, 106, 107, 208, 209, 310, 311}));
}

TEST(binary, applies_the_fused_activation_last) {
  Binary op = binary(K::add);
  op.activation = {UnaryKind::clip, 0.0f, 6.0f};
  EXPECT_EQ(evaluated(op, {f32({3}, {1, 5, -9}), f32({3}, {1, 5, 1})}), (std::vector<double>{2, 6, 0}));
}

TEST(binary, divides_integers_towards_zero) {
  EXPECT_EQ(evaluated(binary(K::div), {i64({3}, {7, -7, 5}), i64({3}, {2, 2, 0})}), (std::vector<double>{3, -3, 0}));
}

TEST(binary, adds_integers_by_the_contract) {
  Binary op = binary(K::add);
  op.multiplier_x = 3000;
  op.multiplier_y = 500;
  op.shift = 10;
  // (20 - 4) * 3000 + (-30 + 10) * 500 = 38000; / 1024 = 37.1 -> 37; + 5.   (-80 - 4) * 3000 + 120 * 500 = -192000 ->
  // -187.5 -> -188
  const auto y =
      evaluated(op, {stored_i8({2}, {20, -80}, 0.1f, 4), stored_i8({2}, {-30, 110}, 0.2f, -10)}, declared_i8(0.1f, 5));
  EXPECT_EQ(y, (std::vector<double>{42, -127}));
  op.kind = K::sub;
  // 16 * 3000 + 20 * 500 = 58000 -> 56.6 -> 57
  EXPECT_EQ(evaluated(op, {stored_i8({1}, {20}, 0.1f, 4), stored_i8({1}, {-30}, 0.2f, -10)}, declared_i8(0.1f, 5)),
            (std::vector<double>{62}));
}

TEST(binary, rounds_ties_of_integers_away_from_zero) {
  Binary op = binary(K::add);
  op.multiplier_x = 1;
  op.multiplier_y = 0;
  op.shift = 1;
  const auto y =
      evaluated(op, {stored_i8({4}, {3, -3, 1, -1}, 1.0f, 0), stored_i8({1}, {9}, 1.0f, 0)}, declared_i8(1.0f, 0));
  EXPECT_EQ(y, (std::vector<double>{2, -2, 1, -1}));
}

TEST(binary, multiplies_integers_by_the_contract) {
  Binary op = binary(K::mul);
  op.multiplier_x = 1 << 30;
  op.shift = 32;  // a quarter
  op.clamp = {0, 50};
  const auto y = evaluated(op, {stored_i8({3}, {10, -10, 127}, 1.0f, 1), stored_i8({3}, {7, 7, 100}, 1.0f, 1)},
                           declared_i8(1.0f, 3));
  // 9 * 6 / 4 = 13.5 -> 14 + 3; -66 / 4 = -16.5 -> -17 + 3 -> 0; much -> 50
  EXPECT_EQ(y, (std::vector<double>{17, 0, 50}));
}

TEST(binary, refuses_what_it_cannot_compute) {
  EXPECT_NE(refusal(Binary{}, {f32({2, 3}), f32({4})}).find("[2, 3] and [4] do not broadcast"), std::string::npos);
  EXPECT_NE(refusal(Binary{}, {f32({2}), i8({2}, 1.0f, 0)}).find("found f32 and i8"), std::string::npos);
  EXPECT_NE(refusal(binary(K::div), {i8({2}, 1.0f, 0), i8({2}, 1.0f, 0)}).find("add, sub or mul, found div"),
            std::string::npos);
  Binary steep = binary(K::add);
  steep.multiplier_x = 1 << 21;
  EXPECT_NE(refusal(steep, {i8({2}, 1.0f, 0), i8({2}, 1.0f, 0)}).find("multiplier_x"), std::string::npos);
  Binary active = binary(K::add);
  active.activation.kind = UnaryKind::relu;
  EXPECT_NE(refusal(active, {i8({2}, 1.0f, 0), i8({2}, 1.0f, 0)}).find("integer nodes have bounds only"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
