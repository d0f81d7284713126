#include <cmath>

#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

TEST(softmax, sums_to_one_and_survives_large_numbers) {
  expect_near(evaluated(Softmax{}, {f32({1, 3}, {-1, 0, 1})}),
              {0.09003057317038046, 0.24472847105479767, 0.6652409557748219}, 1e-12);
  expect_near(evaluated(Softmax{}, {f32({1, 2}, {10000, 10001})}), {0.2689414213699951, 0.7310585786300049}, 1e-12);
  EXPECT_EQ(evaluated(Softmax{}, {f32({3, 1})}), (std::vector<double>{1, 1, 1}));
}

TEST(softmax, works_along_any_axis_and_in_logarithms) {
  Softmax op;
  op.axis = 0;
  expect_near(evaluated(op, {f32({2, 2}, {0, 1, 0, 2})}), {0.5, 0.2689414213699951, 0.5, 0.7310585786300049}, 1e-12);
  op.axis = -2;
  op.log = true;
  expect_near(evaluated(op, {f32({2, 2}, {0, 1, 0, 2})}),
              {-std::log(2.0), -1.3132616875182228, -std::log(2.0), -0.3132616875182228}, 1e-12);
  op.axis = 2;
  EXPECT_NE(refusal(op, {f32({2, 2})}).find("axis 2 is outside"), std::string::npos);
  EXPECT_NE(refusal(Softmax{}, {i8({2}, 1.0f, 0)}).find("found i8"), std::string::npos);
}

TEST(instance_norm, normalizes_each_channel) {
  // The published example: channels (-1, 0, 1) and (2, 3, 4) with scales 1, 1.5 and biases 0, 1.
  const auto x = f32({1, 2, 1, 3}, {-1, 0, 1, 2, 3, 4});
  const double unit = 1.0 / std::sqrt(2.0 / 3.0 + 1e-5);
  expect_near(evaluated(InstanceNorm{}, {x, f32({2}, {1, 1.5}).as_constant(), f32({2}, {0, 1}).as_constant()}),
              {-unit, 0, unit, 1 - 1.5 * unit, 1, 1 + 1.5 * unit}, 1e-6);
}

TEST(instance_norm, normalizes_groups_of_channels) {
  InstanceNorm op;
  op.groups = 1;
  op.epsilon = 0.0f;
  op.activation.kind = UnaryKind::relu;
  expect_near(evaluated(op, {f32({2, 2, 1}, {1, 3, 10, 30})}), {0, 1, 0, 1}, 1e-12);
  op.groups = 3;
  EXPECT_NE(refusal(op, {f32({1, 4, 2})}).find("groups: 3 does not divide 4"), std::string::npos);
  EXPECT_NE(refusal(InstanceNorm{}, {f32({1, 4, 2}), f32({3})}).find("scale: expected shape [4], found [3]"),
            std::string::npos);
}

TEST(layer_norm, normalizes_the_last_axes) {
  LayerNorm op;
  op.epsilon = 0.0f;
  const auto x = f32({2, 2}, {1, 3, -5, 5});
  expect_near(evaluated(op, {x, f32({2}, {2, 3}).as_constant(), f32({2}, {10, 20}).as_constant()}), {8, 23, 8, 23},
              1e-12);
  op.axis = 0;
  const double rms = std::sqrt((0 + 4 + 36 + 16) / 4.0);  // distances from the mean of 1
  expect_near(evaluated(op, {x}), {0, 2 / rms, -6 / rms, 4 / rms}, 1e-12);
}

TEST(layer_norm, root_mean_square_subtracts_nothing) {
  LayerNorm op;
  op.epsilon = 0.0f;
  op.rms = true;
  const double rms = std::sqrt((9 + 16) / 2.0);
  expect_near(evaluated(op, {f32({2}, {3, 4})}), {3 / rms, 4 / rms}, 1e-12);
  EXPECT_NE(refusal(op, {f32({4, 2}), f32({4}).as_constant()}).find("scale: expected shape [2], found [4]"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
