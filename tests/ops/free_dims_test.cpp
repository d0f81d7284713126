// infer() with dimensions that a session binds later.
#include <gtest/gtest.h>

#include "ops/op.h"

namespace nibble::test {
namespace {

TensorDesc desc_of(Shape shape) {
  TensorDesc out;
  out.shape = std::move(shape);
  return out;
}

Shape inferred(const Op& op, const std::vector<TensorDesc>& inputs) {
  std::vector<const TensorDesc*> pointers;
  for (const TensorDesc& input : inputs) pointers.push_back(&input);
  Node node;
  node.op = std::make_shared<const Op>(op);
  auto outputs = infer_node(node, {pointers, {}});
  EXPECT_TRUE(outputs) << outputs.error().message;
  return outputs ? outputs->at(0).shape : Shape{};
}

const Dim N = Dim::symbol("N");
const Dim H = Dim::symbol("H");

// Pooling of a free size gives what pooling of each fixed size gives, with the rounding rules of either mode.
TEST(free_dims, pooling_agrees_with_fixed_sizes) {
  for (int32_t kernel = 1; kernel <= 4; ++kernel) {
    for (int32_t stride = 1; stride <= 5; ++stride) {
      for (int32_t pad = 0; pad < kernel; ++pad) {
        for (bool ceil_mode : {false, true}) {
          Pool2d op;
          op.kernel_h = kernel;
          op.stride_h = stride;
          op.pad_top = op.pad_bottom = pad;
          op.ceil_mode = ceil_mode;
          const Shape open = inferred(op, {desc_of({1, 1, H, 1})});
          for (int64_t h = kernel; h < 12; ++h) {
            // The last window must begin before the trailing padding.
            int64_t windows = (h + 2 * pad - kernel + (ceil_mode ? stride - 1 : 0)) / stride + 1;
            if (ceil_mode && (windows - 1) * stride >= h + pad) --windows;
            EXPECT_EQ(open[2].evaluate({{"H", h}}), windows) << kernel << " " << stride << " " << pad << " " << h;
            EXPECT_EQ(inferred(op, {desc_of({1, 1, h, 1})})[2], Dim(windows));
          }
        }
      }
    }
  }
}

TEST(free_dims, broadcasting_keeps_the_name) {
  EXPECT_EQ(inferred(Binary{}, {desc_of({N, 1, H}), desc_of({3, 1})}), (Shape{N, 3, H}));
  EXPECT_EQ(inferred(Binary{}, {desc_of({N}), desc_of({4})}), (Shape{4}));
}

TEST(free_dims, concat_adds_them) {
  EXPECT_EQ(inferred(Concat{0}, {desc_of({N, 2}), desc_of({3, 2}), desc_of({N, 2})}), (Shape{N + N + 3, 2}));
}

TEST(free_dims, reshape_accepts_what_binding_will_check) {
  EXPECT_EQ(inferred(Reshape{{N, H * 3}}, {desc_of({N, 3, H})}), (Shape{N, H * 3}));
}

TEST(free_dims, resize_scales_by_small_fractions) {
  Resize op;
  op.scale_h = 2.0f;
  op.scale_w = 0.75f;
  const Shape y = inferred(op, {desc_of({1, 1, H, H})});
  EXPECT_EQ(y[2], H * 2);
  EXPECT_EQ(y[3].evaluate({{"H", 7}}), 5);
}

TEST(free_dims, products_and_windows_carry_them) {
  EXPECT_EQ(inferred(MatMul{}, {desc_of({N, H, 8}), desc_of({N, 8, H})}), (Shape{N, H, H}));
  EXPECT_EQ(inferred(Linear{}, {desc_of({N, H, 8}), desc_of({5, 8})}), (Shape{N, H, 5}));
  ConvTranspose2d up;
  up.stride_h = up.stride_w = 2;
  EXPECT_EQ(inferred(up, {desc_of({N, 8, H, 4}), desc_of({5, 8, 2, 2})}), (Shape{N, 5, H * 2, 8}));
}

}  // namespace
}  // namespace nibble::test
