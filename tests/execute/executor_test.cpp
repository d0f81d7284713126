#include "converter/execute/executor.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "converter/execute/fast_layer.h"
#include "tests/support/op_case.h"

namespace nibble::test {
namespace {

using reference::FloatValue;

std::vector<FloatValue> float_inputs(const BuiltCase& built) {
  std::vector<FloatValue> out;
  for (const reference::Value& feed : built.feeds) {
    out.push_back(reference::value_from_bytes<float>(feed.desc, reference::value_bytes(feed)).value());
  }
  return out;
}

enum class Path { dnnl, loops };

void check(const OpCase& op_case, Path path) {
  SCOPED_TRACE(op_case.name);
  auto built = build(op_case, 5);
  ASSERT_TRUE(built) << built.error().message;
  auto layer = make_dnnl_layer(built->graph, built->graph.nodes[0]);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(*layer != nullptr, path == Path::dnnl);
  auto executor = make_cpu_executor(built->graph);
  ASSERT_TRUE(executor) << executor.error().message;
  for (int run = 0; run < 2; ++run) {  // the second run finds used scratch memory
    auto outputs = (*executor)->run(float_inputs(*built), {});
    ASSERT_TRUE(outputs) << outputs.error().message;
    EXPECT_EQ(mismatch(*built, reference::value_bytes(outputs->at(0))), "");
  }
}

Conv2d conv(int32_t stride, int32_t dilation, int32_t pad, int32_t groups, UnaryKind activation) {
  Conv2d op;
  op.stride_h = op.stride_w = stride;
  op.dilation_h = dilation;
  op.pad_top = op.pad_left = pad;
  op.groups = groups;
  op.activation = {activation, -0.5f, 1.5f};
  return op;
}

TEST(cpu_executor, convolves_like_the_oracle) {
  check(conv_case("plain", conv(1, 1, 1, 1, UnaryKind::identity), {2, 3, 13, 11}, 16, 3, 3, {}), Path::dnnl);
  check(conv_case("stride and relu", conv(2, 1, 1, 1, UnaryKind::relu), {1, 32, 14, 14}, 24, 3, 3, {}), Path::dnnl);
  check(conv_case("dilation and clip", conv(1, 2, 2, 1, UnaryKind::clip), {1, 5, 15, 9}, 7, 3, 5, {}), Path::dnnl);
  check(conv_case("depthwise and silu", conv(1, 1, 1, 24, UnaryKind::silu), {1, 24, 9, 9}, 24, 3, 3, {}), Path::dnnl);
  check(conv_case("groups", conv(1, 1, 0, 4, UnaryKind::identity), {1, 8, 5, 5}, 12, 1, 1, {}), Path::dnnl);
  check(conv_case("no bias", conv(1, 1, 0, 1, UnaryKind::identity), {1, 64, 7, 7}, 32, 1, 1, {.bias = false}),
        Path::dnnl);
}

TEST(cpu_executor, dequantizes_weights) {
  for (DType type : {DType::f16, DType::i8, DType::i4}) {
    check(conv_case(to_string(type), conv(1, 1, 1, 1, UnaryKind::relu), {1, 20, 7, 7}, 16, 3, 3, {.weights = type}),
          Path::dnnl);
    check(linear_case(to_string(type), Linear{}, {3, 70}, 33, {.weights = type}), Path::dnnl);
  }
}

TEST(cpu_executor, leaves_integer_nodes_to_the_oracle) {
  check(conv_case("int8", conv(1, 1, 1, 1, UnaryKind::identity), {1, 20, 7, 7}, 16, 3, 3, {DType::i8, DType::i8}),
        Path::loops);
  check(linear_case("int4", Linear{}, {3, 70}, 33, {DType::i8, DType::i4}), Path::loops);
}

TEST(cpu_executor, transposed_convolutions_like_the_oracle) {
  ConvTranspose2d op;
  op.stride_h = op.stride_w = 2;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
  check(conv_transpose_case("stride two", op, {2, 8, 7, 5}, 6, 4, 4, {}), Path::dnnl);
  op.output_pad_h = op.output_pad_w = 1;
  op.groups = 2;
  check(conv_transpose_case("output padding, groups", op, {1, 8, 7, 5}, 6, 3, 3, {}), Path::dnnl);
}

TEST(cpu_executor, multiplies_matrices_like_the_oracle) {
  check({"plain", MatMul{}, {f32({7, 33}), f32({33, 5})}, {}, 1.0}, Path::dnnl);
  check({"stack", MatMul{}, {f32({2, 3, 7, 33}), f32({2, 3, 33, 5})}, {}, 1.0}, Path::dnnl);
  check({"transposed", MatMul{true, true}, {f32({2, 33, 7}), f32({2, 5, 33})}, {}, 1.0}, Path::dnnl);
  check({"broadcast", MatMul{}, {f32({2, 3, 7, 33}), f32({33, 5})}, {}, 1.0}, Path::dnnl);
  check({"constant", MatMul{}, {f32({4, 7, 33}), f32({33, 5}).as_constant()}, {}, 1.0}, Path::dnnl);
}

TEST(cpu_executor, uses_the_oracles_loops_for_other_operators) {
  check({"softmax", Softmax{}, {f32({3, 40})}, {}, 1.0}, Path::loops);
  check({"gather", Gather{}, {f32({5, 3}).as_constant(), i64({4}, {4, -1, 0, 2})}, {}, 1.0}, Path::loops);
}

struct TwoLayers {
  Graph graph;
  TensorId x, hidden, y;

  TwoLayers() {
    TensorDesc desc;
    desc.name = "x";
    desc.shape = {2, 3};
    x = graph.add_tensor(desc);
    graph.inputs = {x};
    Unary twice;
    twice.kind = UnaryKind::affine;
    twice.a = 2.0f;
    EXPECT_TRUE(graph.add_node("twice", twice, {x}));
    hidden = graph.nodes[0].outputs[0];
    Reduce sum;
    sum.kind = ReduceKind::sum;
    sum.axes = {1};
    EXPECT_TRUE(graph.add_node("sum", sum, {hidden}));
    y = graph.nodes[1].outputs[0];
    graph.outputs = {y};
  }
};

TEST(cpu_executor, shows_each_float_tensor_once_in_order) {
  TwoLayers net;
  auto executor = make_cpu_executor(net.graph);
  ASSERT_TRUE(executor) << executor.error().message;
  FloatValue input = reference::make_value<float>(net.graph.desc(net.x)).value();
  input.real = {1, 2, 3, 4, 5, 6};
  std::vector<TensorId> seen;
  std::map<TensorId, std::vector<float>> values;
  auto outputs = (*executor)->run({input}, [&](TensorId id, std::span<const float> elements) {
    seen.push_back(id);
    values[id] = {elements.begin(), elements.end()};
  });
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(seen, (std::vector<TensorId>{net.x, net.hidden, net.y}));
  EXPECT_EQ(values[net.hidden], (std::vector<float>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(outputs->at(0).real, (std::vector<float>{12, 30}));
}

TEST(cpu_executor, runs_side_by_side_give_the_same_bits) {
  auto built = build(conv_case("", conv(1, 1, 1, 1, UnaryKind::relu), {1, 24, 28, 28}, 32, 3, 3, {}), 5);
  ASSERT_TRUE(built);
  auto executor = make_cpu_executor(built->graph);
  ASSERT_TRUE(executor) << executor.error().message;
  const std::vector<float> expected = (*executor)->run(float_inputs(*built), {}).value().at(0).real;
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& out : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) out = (*executor)->run(float_inputs(*built), {}).value().at(0).real;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& out : found) EXPECT_EQ(out, expected);
}

TEST(cpu_executor, refuses_inputs_that_do_not_fit) {
  TwoLayers net;
  auto executor = make_cpu_executor(net.graph);
  ASSERT_TRUE(executor);
  EXPECT_NE((*executor)->run({}, {}).error().message.find("expected 1 inputs, found 0"), std::string::npos);
  TensorDesc wrong = net.graph.desc(net.x);
  wrong.shape = {3, 2};
  auto refused = (*executor)->run({reference::make_value<float>(wrong).value()}, {});
  EXPECT_NE(refused.error().message.find("input 'x': expected f32 [2, 3], found f32 [3, 2]"), std::string::npos);
}

TEST(cpu_executor, refuses_free_dimensions) {
  TwoLayers net;
  net.graph.desc(net.x).shape[0] = Dim::symbol("N");
  EXPECT_NE(make_cpu_executor(net.graph).error().message.find("free dimension"), std::string::npos);
}

}  // namespace
}  // namespace nibble::test
