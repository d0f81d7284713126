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

CaseInput constant(std::vector<int64_t> shape, std::vector<double> elements) {
  return f32(std::move(shape), std::move(elements)).as_constant();
}

// The published example of ONNX Conv: 5 x 5 input, kernel of ones.
TEST(conv2d, sums_a_window_with_and_without_padding) {
  const auto ones = constant({1, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(evaluated(Conv2d{}, {counting({1, 1, 5, 5}), ones}),
            (std::vector<double>{54, 63, 72, 99, 108, 117, 144, 153, 162}));
  Conv2d padded;
  padded.pad_top = padded.pad_left = padded.pad_bottom = padded.pad_right = 1;
  const auto y = evaluated(padded, {counting({1, 1, 5, 5}), ones});
  ASSERT_EQ(y.size(), 25u);
  EXPECT_EQ(std::vector<double>(y.begin(), y.begin() + 5), (std::vector<double>{12, 21, 27, 33, 24}));
  EXPECT_EQ(y[24], 84);
}

TEST(conv2d, strides_and_uneven_padding) {
  Conv2d op;
  op.stride_h = op.stride_w = 2;
  op.pad_top = op.pad_bottom = 1;
  const auto ones = constant({1, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(evaluated(op, {counting({1, 1, 7, 5}), ones}), (std::vector<double>{21, 33, 99, 117, 189, 207, 171, 183}));
}

TEST(conv2d, kernel_is_not_flipped_and_dilation_spreads_it) {
  Conv2d op;
  op.dilation_w = 2;
  const auto w = constant({1, 1, 1, 3}, {1, 10, 100});
  EXPECT_EQ(evaluated(op, {counting({1, 1, 1, 6}), w}), (std::vector<double>{420, 531}));
}

TEST(conv2d, groups_read_their_own_channels_only) {
  Conv2d op;
  op.groups = 2;
  const auto x = f32({1, 4, 1, 1}, {1, 10, 100, 1000});
  const auto w = constant({2, 2, 1, 1}, {1, 2, 3, 4});
  const auto bias = constant({2}, {0.5, -0.5});
  EXPECT_EQ(evaluated(op, {x, w, bias}), (std::vector<double>{21.5, 4299.5}));
}

TEST(conv2d, batches_are_independent) {
  const auto w = constant({2, 1, 1, 1}, {2, 3});
  EXPECT_EQ(evaluated(Conv2d{}, {f32({2, 1, 1, 2}, {1, 2, 3, 4}), w}), (std::vector<double>{2, 4, 3, 6, 6, 8, 9, 12}));
}

TEST(conv2d, applies_the_fused_activation_after_the_bias) {
  Conv2d op;
  op.activation.kind = UnaryKind::relu;
  EXPECT_EQ(evaluated(op, {f32({1, 1, 1, 2}, {1, 3}), constant({1, 1, 1, 1}, {1}), constant({1}, {-2})}),
            (std::vector<double>{0, 1}));
}

TEST(conv2d, dequantizes_weights_for_float_inputs) {
  CaseInput w = i8({2, 2, 1, 1}, 1.0f, 0).as_constant();
  w.desc.quant = Quant::channel(0, {0.5f, 0.25f});
  w.elements = {2, -3, 4, 5};
  const auto y = evaluated(Conv2d{}, {f32({1, 2, 1, 1}, {10, 100}), w, absent(), constant({2}, {0.5, 0.25})});
  EXPECT_EQ(y, (std::vector<double>{0.5 * (20 - 300), 0.25 * (40 + 500)}));
}

// Groups count along (ky, kx, i) with i padded to a multiple of four: here 2 taps of 4 (3 real) inputs, groups of 4.
TEST(conv2d, int4_groups_follow_the_packed_reduction) {
  CaseInput w;
  w.constant = true;
  w.desc.type = DType::i4;
  w.desc.shape = {1, 3, 1, 2};
  w.desc.quant = Quant::channel(0, {1.0f});
  w.desc.quant.kind = Quant::Kind::per_group;
  w.desc.quant.group_size = 4;
  w.elements = {1, -1, 2, -2, 3, -3};  // [i][kx]
  CaseInput multipliers = u8({1, 2}, 1.0f, 0);
  multipliers.desc.quant = {};
  multipliers.constant = true;
  multipliers.elements = {10, 100};
  const auto y = evaluated(
      Conv2d{}, {f32({1, 3, 1, 2}, {1, 1, 1, 1, 1, 1}), w, absent(), constant({1}, {1}), absent(), multipliers});
  EXPECT_EQ(y, (std::vector<double>{10 * (1 + 2 + 3) - 100 * (1 + 2 + 3)}));
}

TEST(conv2d, refuses_shapes_that_do_not_fit) {
  const auto w = f32({4, 3, 3, 3}).as_constant();
  EXPECT_NE(refusal(Conv2d{}, {f32({1, 2, 8, 8}), w}).find("expected 2 input channels a group"), std::string::npos);
  EXPECT_NE(refusal(Conv2d{}, {f32({1, 3, 2, 8}), w}).find("a kernel of extent 3 does not fit into 2 padded by 0"),
            std::string::npos);
  EXPECT_NE(refusal(Conv2d{}, {f32({3, 8, 8}), w}).find("expected 4 axes"), std::string::npos);
  Conv2d strided;
  strided.stride_w = 0;
  EXPECT_NE(refusal(strided, {f32({1, 3, 8, 8}), w}).find("stride: expected 1"), std::string::npos);
  Conv2d padded;
  padded.pad_left = -1;
  EXPECT_NE(refusal(padded, {f32({1, 3, 8, 8}), w}).find("padding: expected 0"), std::string::npos);
  Conv2d grouped;
  grouped.groups = 2;
  EXPECT_NE(refusal(grouped, {f32({1, 3, 8, 8}), w}).find("groups: 2 does not divide 3"), std::string::npos);
}

TEST(conv2d, refuses_slots_that_do_not_fit_the_types) {
  const auto float_w = f32({4, 3, 3, 3}).as_constant();
  EXPECT_NE(refusal(Conv2d{}, {i8({1, 3, 8, 8}, 1.0f, 0), float_w})
                .find("weights of an integer node: expected type i8, i4, lut4, found f32"),
            std::string::npos);
  EXPECT_NE(refusal(Conv2d{}, {f32({1, 3, 8, 8}), float_w, f32({5}).as_constant()})
                .find("bias: expected shape [4], found [5]"),
            std::string::npos);
  OpCase integer = conv_case("", Conv2d{}, {1, 3, 8, 8}, 4, 3, 3, {DType::i8, DType::i4});
  integer.inputs[conv_input::shift] = absent();
  EXPECT_NE(build(integer, 1).error().message.find("shift: required"), std::string::npos);
  integer = conv_case("", Conv2d{}, {1, 3, 8, 8}, 4, 3, 3, {DType::i8, DType::i4});
  integer.inputs[conv_input::group_multiplier].desc.shape[1] = 7;
  integer.inputs[conv_input::group_multiplier].elements.clear();
  EXPECT_NE(build(integer, 1).error().message.find("group multipliers: expected shape [4, 2], found [4, 7]"),
            std::string::npos);
}

TEST(conv2d, follows_free_dimensions) {
  Graph graph;
  TensorDesc x;
  x.name = "x";
  x.shape = {Dim::symbol("N"), 3, Dim::symbol("H"), 16};
  const TensorId input = graph.add_tensor(x);
  TensorDesc w;
  w.shape = {4, 3, 3, 3};
  const TensorId weights = graph.add_constant(w, ConstantData::of(std::vector<float>(108)));
  Conv2d op;
  op.stride_h = 2;
  op.pad_top = op.pad_bottom = 1;
  const auto node = graph.add_node("conv", op, {input, weights});
  ASSERT_TRUE(node) << node.error().message;
  const Shape& y = graph.desc(graph.nodes[0].outputs[0]).shape;
  EXPECT_EQ(y[2].evaluate({{"H", 224}}), 112);
  EXPECT_EQ(y[2].evaluate({{"H", 7}}), 4);
  EXPECT_EQ(y[3], Dim(14));
}

}  // namespace
}  // namespace nibble::test
