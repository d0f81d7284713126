#include <cmath>

#include "core/requantize.h"
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

TensorDesc declared(DType type, Quant quant = {}) {
  TensorDesc out;
  out.type = type;
  out.quant = std::move(quant);
  return out;
}

TEST(convert, quantizes_with_ties_away_from_zero) {
  const auto x = f32({6}, {0.25, -0.25, 0.26, 1000, -1000, 0});
  EXPECT_EQ(evaluated(Convert{}, {x}, declared_i8(0.5f, 3)), (std::vector<double>{4, 2, 4, 127, -127, 3}));
  Convert op;
  op.clamp = {0, 255};
  EXPECT_EQ(evaluated(op, {x}, declared(DType::u8, Quant::tensor(0.5f, 10))),
            (std::vector<double>{11, 9, 11, 255, 0, 10}));
}

TEST(convert, dequantizes) {
  EXPECT_EQ(evaluated(Convert{}, {stored_i8({3}, {-128, 3, 127}, 0.5f, 3)}, declared(DType::f32)),
            (std::vector<double>{-65.5, 0, 62}));
  EXPECT_EQ(evaluated(Convert{}, {u8({2}, 0.25f, 128).between(0, 0)}, declared(DType::f16)),
            (std::vector<double>{-32, -32}));
}

TEST(convert, requantizes_in_integers) {
  const FixedMultiplier half = fixed_multiplier(0.5);
  Convert op;
  op.multiplier = half.multiplier;
  op.shift = half.shift;
  EXPECT_EQ(evaluated(op, {stored_i8({4}, {4, -2, 1, 127}, 0.25f, 1)}, declared_i8(0.5f, 100)),
            (std::vector<double>{102, 98, 100, 127}));
  op.shift = 63;
  EXPECT_NE(refusal(op, {i8({1}, 1.0f, 0)}, declared_i8(1.0f, 0)).find("shift: expected 1 to 62, found 63"),
            std::string::npos);
}

TEST(convert, equal_scales_move_the_zero_point_only) {
  Convert op;
  op.multiplier = 1 << 30;
  op.shift = 30;
  op.clamp = {-128, 127};
  CaseInput x = u8({3}, 0.25f, 128);
  x.elements = {0, 128, 255};
  EXPECT_EQ(evaluated(op, {x}, declared_i8(0.25f, 0)), (std::vector<double>{-128, 0, 127}));
}

TEST(convert, changes_plain_types) {
  EXPECT_EQ(evaluated(Convert{}, {f32({4}, {1.9, -1.9, 1e20, -0.5})}, declared(DType::i32)),
            (std::vector<double>{1, -1, 2147483647, 0}));
  EXPECT_EQ(evaluated(Convert{}, {i64({2}, {5, -7})}, declared(DType::f32)), (std::vector<double>{5, -7}));
  EXPECT_EQ(evaluated(Convert{}, {i64({2}, {0, -7})}, declared(DType::boolean)), (std::vector<double>{0, 1}));
}

TEST(convert, refuses_what_has_no_meaning) {
  EXPECT_NE(refusal(Convert{}, {f32({1})}).find("output's type must be declared"), std::string::npos);
  EXPECT_NE(refusal(Convert{}, {f32({1})}, declared(DType::i4)).find("cannot convert f32 to i4"), std::string::npos);
  EXPECT_NE(refusal(Convert{}, {f32({1})}, declared_i8(0.0f, 0)).find("expected a positive scale, found 0"),
            std::string::npos);
  EXPECT_NE(refusal(Convert{}, {f32({1})}, declared_i8(1.0f, 200)).find("zero point: expected -128 to 127, found 200"),
            std::string::npos);
  Convert op;
  op.clamp = {5, 4};
  EXPECT_NE(refusal(op, {f32({1})}, declared_i8(1.0f, 0)).find("out_max: expected 5 to 127, found 4"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
