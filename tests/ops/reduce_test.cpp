#include <cmath>

#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

Reduce reduce(ReduceKind kind, std::vector<int64_t> axes, bool keep_dims = true) {
  Reduce op;
  op.kind = kind;
  op.axes = std::move(axes);
  op.keep_dims = keep_dims;
  return op;
}

// The data of the published ONNX examples: [3, 2, 2].
CaseInput data() { return f32({3, 2, 2}, {5, 1, 20, 2, 30, 1, 40, 2, 55, 1, 60, 2}); }

TEST(reduce, computes_every_kind_along_an_axis) {
  using K = ReduceKind;
  EXPECT_EQ(evaluated(reduce(K::mean, {1}), {data()}), (std::vector<double>{12.5, 1.5, 35, 1.5, 57.5, 1.5}));
  EXPECT_EQ(evaluated(reduce(K::sum, {1}), {data()}), (std::vector<double>{25, 3, 70, 3, 115, 3}));
  EXPECT_EQ(evaluated(reduce(K::max, {1}), {data()}), (std::vector<double>{20, 2, 40, 2, 60, 2}));
  EXPECT_EQ(evaluated(reduce(K::min, {1}), {data()}), (std::vector<double>{5, 1, 30, 1, 55, 1}));
  EXPECT_EQ(evaluated(reduce(K::prod, {1}), {data()}), (std::vector<double>{100, 2, 1200, 2, 3300, 2}));
  const auto signs = f32({2, 2}, {3, -4, -1, 2});
  EXPECT_EQ(evaluated(reduce(K::sum_square, {1}), {signs}), (std::vector<double>{25, 5}));
  EXPECT_EQ(evaluated(reduce(K::l1, {1}), {signs}), (std::vector<double>{7, 3}));
  expect_near(evaluated(reduce(K::l2, {1}), {signs}), {5, 2.2360679774997896}, 1e-12);
  expect_near(evaluated(reduce(K::log_sum_exp, {1}), {f32({2, 2}, {0, 0, 1000, 1000})}),
              {0.6931471805599453, 1000.6931471805599}, 1e-9);
}

TEST(reduce, takes_several_axes_and_drops_them) {
  EXPECT_EQ(evaluated(reduce(ReduceKind::sum, {0, 2}, false), {data()}), (std::vector<double>{93, 126}));
  EXPECT_EQ(evaluated_shape(reduce(ReduceKind::sum, {0, 2}, false), {data()}), (std::vector<int64_t>{2}));
  EXPECT_EQ(evaluated_shape(reduce(ReduceKind::sum, {0, 2}), {data()}), (std::vector<int64_t>{1, 2, 1}));
  EXPECT_EQ(evaluated(reduce(ReduceKind::sum, {0, 1, 2}, false), {data()}), (std::vector<double>{219}));
  EXPECT_EQ(evaluated(reduce(ReduceKind::sum, {}), {f32({2}, {4, 5})}), (std::vector<double>{4, 5}));
}

TEST(reduce, averages_integers_by_the_contract) {
  const auto x = stored_i8({1, 2, 1, 3}, {10, 20, 31, -128, -128, -127}, 0.5f, 3);
  Reduce op = reduce(ReduceKind::mean, {2, 3});
  op.clamp = {-100, 127};
  // (7 + 17 + 28) * 0.5 / (0.25 * 3) = 34.67 -> 35; below: -131 * 2 -> clamped
  EXPECT_EQ(evaluated(op, {x}, declared_i8(0.25f, 2)), (std::vector<double>{37, -100}));
}

TEST(reduce, extremes_of_integers_keep_them) {
  const auto x = stored_i8({2, 2}, {-5, -128, 7, 3}, 0.5f, 3);
  EXPECT_EQ(evaluated(reduce(ReduceKind::max, {1}), {x}), (std::vector<double>{-5, 7}));
  EXPECT_EQ(evaluated(reduce(ReduceKind::min, {1}), {x}), (std::vector<double>{-128, 3}));
  EXPECT_EQ(evaluated(reduce(ReduceKind::prod, {0}), {i64({3}, {2, -3, 4})}), (std::vector<double>{-24}));
}

TEST(reduce, refuses_bad_axes_and_types) {
  EXPECT_NE(refusal(reduce(ReduceKind::sum, {3}), {data()}).find("axis 3 is outside a tensor of 3 axes"),
            std::string::npos);
  EXPECT_NE(refusal(reduce(ReduceKind::sum, {-1}), {data()}).find("axis -1"), std::string::npos);
  EXPECT_NE(refusal(reduce(ReduceKind::sum, {1, 1}), {data()}).find("distinct"), std::string::npos);
  EXPECT_NE(refusal(reduce(ReduceKind::sum, {0}), {i8({4}, 1.0f, 0)}).find("not defined for type i8"),
            std::string::npos);
  EXPECT_NE(refusal(reduce(static_cast<ReduceKind>(99), {0}), {data()}).find("unknown reduction"), std::string::npos);
}

TEST(arg_reduce, finds_the_first_or_last_extreme) {
  const auto x = f32({2, 3}, {3, 7, 7, -1, -1, -2});
  ArgReduce op;
  op.axis = 1;
  EXPECT_EQ(evaluated(op, {x}), (std::vector<double>{1, 0}));
  op.last_index = true;
  EXPECT_EQ(evaluated(op, {x}), (std::vector<double>{2, 1}));
  op.minimum = true;
  EXPECT_EQ(evaluated(op, {x}), (std::vector<double>{0, 2}));
  op.axis = 0;
  op.keep_dims = false;
  EXPECT_EQ(evaluated(op, {x}), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(evaluated_shape(op, {x}), (std::vector<int64_t>{3}));
  EXPECT_EQ(evaluated(ArgReduce{}, {stored_i8({2}, {-128, 127}, 1.0f, 0)}), (std::vector<double>{1}));
  op.axis = 2;
  EXPECT_NE(refusal(op, {x}).find("axis 2 is outside"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
