#include <cmath>
#include <limits>

#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

using K = UnaryKind;

// Values that come from neither shaders/unary.inc nor its C++ side: worked by hand or from tables of the functions.
struct Known {
  UnaryKind kind;
  double x, y;
  float a = 0.0f, b = 0.0f;
};

class UnaryFormula : public ::testing::TestWithParam<Known> {};

TEST_P(UnaryFormula, gives_the_known_value) {
  const Known& known = GetParam();
  const auto y = evaluated(Unary{known.kind, known.a, known.b}, {f32({1}, {known.x})});
  expect_near(y, {known.y}, 1e-6 * std::max(1.0, std::abs(known.y)));
}

INSTANTIATE_TEST_SUITE_P(table, UnaryFormula,
                         ::testing::Values(Known{K::identity, -1.5, -1.5}, Known{K::relu, -3, 0}, Known{K::relu, 3, 3},
                                           Known{K::clip, -7, -1, -1, 6}, Known{K::clip, 9, 6, -1, 6},
                                           Known{K::leaky_relu, -2, -0.5, 0.25f}, Known{K::leaky_relu, 2, 2, 0.25f},
                                           Known{K::sigmoid, 0, 0.5}, Known{K::sigmoid, 2, 0.8807970779778823},
                                           Known{K::sigmoid, -100, 3.720075976020836e-44},
                                           Known{K::silu, 1, 0.7310585786300049}, Known{K::tanh, 1, 0.7615941559557649},
                                           Known{K::tanh, 100, 1}, Known{K::hard_sigmoid, 1, 0.7, 0.2f, 0.5f},
                                           Known{K::hard_sigmoid, -9, 0, 0.2f, 0.5f},
                                           Known{K::hard_swish, 1, 2.0 / 3.0}, Known{K::hard_swish, 4, 4},
                                           Known{K::hard_swish, -4, 0}, Known{K::exp, 1, 2.718281828459045},
                                           Known{K::log, 8, 2.0794415416798357}, Known{K::sqrt, 6.25, 2.5},
                                           Known{K::reciprocal, 4, 0.25}, Known{K::neg, 3, -3}, Known{K::abs, -3, 3}));

INSTANTIATE_TEST_SUITE_P(
    smooth_functions, UnaryFormula,
    ::testing::Values(Known{K::gelu, 1, 0.8413447460685429}, Known{K::gelu, -1, -0.15865525393145707},
                      Known{K::gelu_tanh, 1, 0.8411919906082768}, Known{K::elu, -1, 2 * -0.6321205588285577, 2},
                      Known{K::elu, 1, 1, 2}, Known{K::selu, -1, 0.5 * 2 * -0.6321205588285577, 2, 0.5f},
                      Known{K::selu, 3, 1.5, 2, 0.5f}, Known{K::softplus, 0, 0.6931471805599453},
                      Known{K::softplus, 100, 100}, Known{K::softsign, -3, -0.75},
                      Known{K::mish, 1, 0.8650983882673103}, Known{K::erf, 0.5, 0.5204998778130465},
                      Known{K::floor, -1.5, -2}, Known{K::ceil, -1.5, -1}, Known{K::round, 2.5, 2},
                      Known{K::round, 3.5, 4}, Known{K::round, -2.5, -2}, Known{K::sign, -9, -1}, Known{K::sign, 0, 0},
                      Known{K::thresholded_relu, 1, 0, 1}, Known{K::thresholded_relu, 1.5, 1.5, 1},
                      Known{K::celu, -2, 2 * -0.6321205588285577, 2}, Known{K::celu, 2, 2, 2},
                      Known{K::sin, 1, 0.8414709848078965}, Known{K::cos, 1, 0.5403023058681398},
                      Known{K::affine, 3, 7, 2, 1}));

TEST(unary, keeps_integers_whole) {
  EXPECT_EQ(evaluated(Unary{K::neg}, {i64({3}, {3, -4, 0})}), (std::vector<double>{-3, 4, 0}));
  EXPECT_EQ(evaluated(Unary{K::abs}, {i32({2}, {-7, 7})}), (std::vector<double>{7, 7}));
  EXPECT_NE(refusal(Unary{K::exp}, {i64({1}, {1})}).find("exp is not defined for type i64"), std::string::npos);
}

CaseInput table(std::vector<int64_t> shape, double (*entry)(int row, int index)) {
  CaseInput out = i8(shape, 1.0f, 0);
  out.desc.quant = {};
  out.constant = true;
  for (int64_t i = 0; i < (shape.size() == 2 ? shape[0] * 256 : 256); ++i) {
    out.elements.push_back(entry(static_cast<int>(i / 256), static_cast<int>(i % 256)));
  }
  return out;
}

TEST(unary, table_is_indexed_by_the_stored_integer) {
  const auto negated = table({256}, [](int, int index) { return std::min(127.0, 128.0 - index); });
  const auto y = evaluated(Unary{K::neg}, {stored_i8({4}, {-128, -1, 0, 127}, 0.1f, 3), negated}, declared_i8(0.1f, 3));
  EXPECT_EQ(y, (std::vector<double>{127, 1, 0, -127}));
}

TEST(unary, table_may_differ_by_channel) {
  const auto rows = table({2, 256}, [](int row, int index) { return row == 0 ? index - 128.0 : 5.0; });
  const auto y = evaluated(Unary{}, {stored_i8({1, 2, 2}, {1, 2, 3, 4}, 0.1f, 0), rows}, declared_i8(0.1f, 0));
  EXPECT_EQ(y, (std::vector<double>{1, 2, 5, 5}));
}

TEST(unary, refuses_integers_without_a_table) {
  EXPECT_NE(refusal(Unary{K::sigmoid}, {i8({4}, 0.1f, 0)}).find("needs a table"), std::string::npos);
  const auto short_table = stored_i8({8}, {1, 2, 3, 4, 5, 6, 7, 8}, 1.0f, 0);
  EXPECT_NE(refusal(Unary{}, {i8({4}, 0.1f, 0), short_table}).find("expected shape [256], found [8]"),
            std::string::npos);
  EXPECT_NE(refusal(Unary{static_cast<UnaryKind>(77)}, {f32({1})}).find("unknown function number 77"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
