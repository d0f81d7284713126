// Linear and MatMul.
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

TEST(linear, multiplies_by_rows_of_weights) {
  const auto w = f32({2, 3}, {1, 2, 3, 4, 5, 6}).as_constant();
  const auto bias = f32({2}, {100, 200}).as_constant();
  EXPECT_EQ(evaluated(Linear{}, {f32({2, 3}, {1, 0, 0, 1, 1, 1}), w, bias}), (std::vector<double>{101, 204, 106, 215}));
  EXPECT_EQ(evaluated_shape(Linear{}, {f32({4, 5, 3}), w}), (std::vector<int64_t>{4, 5, 2}));
  EXPECT_EQ(evaluated_shape(Linear{}, {f32({3}), w}), (std::vector<int64_t>{2}));
}

TEST(linear, refuses_another_reduction_length) {
  EXPECT_NE(refusal(Linear{}, {f32({2, 4}), f32({2, 3}).as_constant()})
                .find("expected last axis 3 as in the weights, found shape [2, 4]"),
            std::string::npos);
}

TEST(matmul, multiplies_matrices) {
  const auto a = f32({2, 2}, {1, 2, 3, 4});
  const auto b = f32({2, 2}, {5, 6, 7, 8});
  EXPECT_EQ(evaluated(MatMul{}, {a, b}), (std::vector<double>{19, 22, 43, 50}));
  EXPECT_EQ(evaluated(MatMul{true, false}, {a, b}), (std::vector<double>{26, 30, 38, 44}));
  EXPECT_EQ(evaluated(MatMul{false, true}, {a, b}), (std::vector<double>{17, 23, 39, 53}));
  EXPECT_EQ(evaluated(MatMul{true, true}, {a, b}), (std::vector<double>{23, 31, 34, 46}));
}

TEST(matmul, broadcasts_stacks_of_matrices) {
  const auto a = f32({2, 1, 1, 2}, {1, 2, 3, 4});
  const auto b = f32({3, 2, 1}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(evaluated(MatMul{}, {a, b}), (std::vector<double>{1, 2, 3, 3, 4, 7}));
  EXPECT_EQ(evaluated_shape(MatMul{}, {a, b}), (std::vector<int64_t>{2, 3, 1, 1}));
}

TEST(matmul, refuses_inner_sizes_that_differ) {
  EXPECT_NE(refusal(MatMul{}, {f32({2, 3}), f32({4, 2})}).find("inner sizes 3 and 4 differ"), std::string::npos);
  EXPECT_NE(refusal(MatMul{}, {f32({3}), f32({3, 2})}).find("a: expected 2 to 8 axes"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
