// Lowering as plain data: which steps a small graph becomes, without a device.
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "kernels/lowering.h"
#include "ops/op.h"
#include "params.h"

namespace nibble {
namespace {

TensorDesc tensor(const char* name, DType type, Shape shape) {
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = std::move(shape);
  if (type == DType::i8) desc.quant = Quant::tensor(0.1f, 0);
  return desc;
}

struct Net {
  Graph graph;
  TensorId input(const char* name, Shape shape, DType type = DType::f32) {
    const TensorId id = graph.add_tensor(tensor(name, type, std::move(shape)));
    graph.inputs.push_back(id);
    return id;
  }
  TensorId node(const char* name, Op op, std::vector<TensorId> inputs) {
    auto id = graph.add_node(name, std::move(op), std::move(inputs));
    EXPECT_TRUE(id) << id.error().message;
    return graph.nodes[static_cast<size_t>(*id)].outputs[0];
  }
  void output(TensorId id) { graph.outputs.push_back(id); }
};

// "kernel(b0 b1 > b2) units" per line; the number is the first push constant.
std::string steps_of(const LoweredPlan& plan) {
  std::ostringstream out;
  for (const Step& step : plan.steps) {
    out << kernel_table()[static_cast<size_t>(step.kernel)].name << "(";
    for (const Binding& b : step.bindings) out << (b.access == Access::write ? "> " : "") << b.buffer << " ";
    out << ") " << step.push[0] << "; ";
  }
  return out.str();
}

Result<LoweredPlan> lower(const Net& net, const gpu::Caps& caps = {}) {
  static const KernelOverrides kNone;
  return Lowering(net.graph, caps, kNone).run();
}

TEST(lowering, an_elementwise_chain_is_repacked_at_its_edges_only) {
  Net net;
  const TensorId x = net.input("x", {1, 5, 4, 4});
  const TensorId y = net.node("relu", Unary{UnaryKind::relu}, {x});
  net.output(net.node("neg", Unary{UnaryKind::neg}, {y}));
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  // 5 channels are 2 blocks: 2 * 16 units.
  EXPECT_EQ(steps_of(*plan),
            "repack_f32(0 > 1 ) 32; unary_f32(1 > 2 ) 32; unary_f32(2 > 3 ) 32; repack_f32(3 > 4 ) 32; ");
}

TEST(lowering, a_fed_picture_becomes_quantized_blocks_in_one_step) {
  Net net;
  const TensorId x = net.input("x", {1, 3, 4, 4});
  const auto made = net.graph.add_node("quantize", Convert{}, {x}, {tensor("q", DType::i8, {})});
  ASSERT_TRUE(made) << made.error().message;
  const TensorId q = net.graph.nodes[static_cast<size_t>(*made)].outputs[0];
  net.output(net.node("y", Transpose{{0, 1, 3, 2}}, {q}));
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  const std::string steps = steps_of(*plan);
  EXPECT_EQ(steps.rfind("convert_f32_i8(0 > 1 ) 4; ", 0), 0u) << steps;  // four units an invocation
}

TEST(lowering, a_reshape_that_keeps_the_words_is_no_step) {
  Net net;
  const TensorId x = net.input("x", {2, 8, 1, 1});
  const TensorId y = net.node("relu", Unary{UnaryKind::relu}, {x});
  const TensorId flat = net.node("flatten", Reshape{{2, 8}}, {y});
  net.output(net.node("softmax", Softmax{1}, {flat}));
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(steps_of(*plan),
            "repack_f32(0 > 1 ) 4; unary_f32(1 > 2 ) 4; softmax_f32(2 > 3 ) 2; repack_f32(3 > 4 ) 4; ");
}

TEST(lowering, two_readers_of_another_layout_share_one_repack) {
  Net net;
  const TensorId x = net.input("x", {2, 8, 3});
  const TensorId y = net.node("relu", Unary{UnaryKind::relu}, {x});
  const TensorId a = net.node("norm_a", InstanceNorm{}, {y});
  const TensorId b = net.node("norm_b", InstanceNorm{}, {y});
  net.output(a);
  net.output(b);
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  int repacks = 0;
  for (const Step& step : plan->steps) repacks += step.label.find("repack relu") != std::string::npos ? 1 : 0;
  EXPECT_EQ(repacks, 1);
}

TEST(lowering, equal_constants_share_a_blob) {
  Net net;
  const TensorId x = net.input("x", {1, 4, 2, 2});
  TensorDesc desc = tensor("c", DType::f32, {1, 4, 1, 1});
  const TensorId c = net.graph.add_constant(desc, ConstantData::of(std::vector<float>{1, 2, 3, 4}));
  Binary add;
  const TensorId y = net.node("add1", add, {x, c});
  net.output(net.node("add2", add, {y, c}));
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->blobs.size(), 1u);
  auto bytes = materialize(net.graph, plan->blobs[0]);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(bytes->size(), 16u);
}

TEST(lowering, nodes_with_the_same_weights_and_biases_of_their_own_share_the_weights) {
  Net net;
  TensorId x = net.input("x", {1, 64, 2, 2});
  TensorDesc desc = tensor("w", DType::f32, {64, 64, 1, 1});
  desc.packing = Packing::blocked;
  const TensorId w = net.graph.add_constant(desc, ConstantData::of(std::vector<float>(64 * 64, 0.5f)));
  std::vector<std::vector<float>> biases;
  for (int i = 0; i < 3; ++i) {
    biases.push_back(std::vector<float>(64, static_cast<float>(i)));
    const TensorId b = net.graph.add_constant(tensor("b", DType::f32, {64}), ConstantData::of(biases.back()));
    for (int twice = 0; twice < 2; ++twice) x = net.node("conv", Conv2d{}, {x, w, b});
  }
  net.output(x);
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->blobs.size(), 1u);
  EXPECT_EQ(plan->blobs[0].bytes, 64u * 64 * 4 + 3 * 64 * 4);
  const auto bytes = materialize(net.graph, plan->blobs[0]).value();
  size_t convolutions = 0;
  for (const Step& step : plan->steps) {
    if (step.multiply_adds == 0) continue;
    params::ConvParams push;
    ASSERT_EQ(step.push.size() * 4, sizeof(push));
    std::memcpy(&push, step.push.data(), sizeof(push));
    float first = -1;
    std::memcpy(&first, bytes.data() + push.bias * size_t{4}, 4);
    EXPECT_EQ(first, biases[convolutions / 2][0]) << convolutions;
    ++convolutions;
  }
  EXPECT_EQ(convolutions, 6u);
}

TEST(lowering, an_input_that_is_an_output_is_copied) {
  Net net;
  const TensorId x = net.input("x", {3, 3}, DType::i8);
  net.output(x);
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(steps_of(*plan), "repack_i8(0 > 1 ) 3; ");
}

TEST(lowering, every_step_comes_from_its_node_and_edges_from_none) {
  Net net;
  const TensorId x = net.input("x", {1, 5, 4, 4});
  net.output(net.node("pool", Pool2d{}, {x}));
  auto plan = lower(net);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->steps.size(), 3u);
  EXPECT_EQ(plan->steps[1].origin, 0);
  EXPECT_EQ(plan->steps[1].label, "pool");
  EXPECT_EQ(plan->steps[2].origin, -1);
}

TEST(lowering, refuses_a_tensor_beyond_the_device_with_both_numbers) {
  Net net;
  const TensorId x = net.input("x", {1, 4, 100, 100});
  net.output(net.node("relu", Unary{UnaryKind::relu}, {x}));
  gpu::Caps caps;
  caps.max_buffer_range = 100000;
  auto plan = lower(net, caps);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::unsupported_device);
  EXPECT_NE(plan.error().message.find("160000"), std::string::npos) << plan.error().message;
  EXPECT_NE(plan.error().message.find("100000"), std::string::npos) << plan.error().message;
}

TEST(lowering, refuses_more_elements_than_kernels_address) {
  Net net;
  const TensorId x = net.input("x", {1 << 30, 1});  // each row is padded to a whole unit
  net.output(net.node("relu", Unary{UnaryKind::relu}, {x}));
  gpu::Caps caps;
  caps.max_buffer_range = UINT64_MAX;
  auto plan = lower(net, caps);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("4294967296"), std::string::npos) << plan.error().message;
}

TEST(lowering, refuses_a_window_that_no_coordinate_reaches) {
  Net net;
  const TensorId x = net.input("x", {1, 4, 8, 8});
  Pool2d pool;
  pool.kernel_h = 2000000000;
  pool.pad_top = 1999999999;
  net.output(net.node("pool", pool, {x}));
  auto plan = lower(net);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("Pool2d 'pool'"), std::string::npos) << plan.error().message;
}

TEST(layout, words_count_padding_of_blocks_and_of_whole_words) {
  const std::vector<int64_t> shape{2, 5, 3};
  EXPECT_EQ(storage_words(DType::f32, shape, Layout{1}), 2 * 2 * 3 * 4);
  EXPECT_EQ(storage_words(DType::f16, shape, Layout{1}), 2 * 2 * 3 * 2);
  EXPECT_EQ(storage_words(DType::i8, shape, Layout{2}), 2 * 5 * 1);
  EXPECT_EQ(storage_words(DType::f32, shape, Layout{}), 30);
  EXPECT_EQ(storage_words(DType::i8, shape, Layout{}), 8);
}

TEST(blob, blocked_pieces_are_padded_with_zeros) {
  Graph graph;
  const TensorId c =
      graph.add_constant(tensor("c", DType::f32, {2, 3}), ConstantData::of(std::vector<float>{1, 2, 3, 4, 5, 6}));
  BlobSpec spec;
  spec.pieces.push_back({c, BlobPiece::Form::blocked, {2, 3}, Layout{1}, std::nullopt});
  ASSERT_TRUE(measure(graph, spec));
  auto bytes = materialize(graph, spec);
  ASSERT_TRUE(bytes) << bytes.error().message;
  std::vector<float> values(bytes->size() / 4);
  std::memcpy(values.data(), bytes->data(), bytes->size());
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 0, 4, 5, 6, 0}));
}

TEST(blob, parts_are_what_the_whole_has_there) {
  Graph graph;
  std::vector<float> values(7 * 12);
  std::vector<int8_t> bytes(values.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = bytes[i] = static_cast<int8_t>(3 * i);
  const TensorId floats = graph.add_constant(tensor("f", DType::f32, {7, 12}), ConstantData::of(values));
  const TensorId ints = graph.add_constant(tensor("i", DType::i8, {7, 12}), ConstantData::of(bytes));
  BlobSpec spec;
  using Form = BlobPiece::Form;
  spec.pieces = {{ints, Form::stored, {}, {}, std::nullopt},
                 {ints, Form::f32, {}, {}, std::nullopt},
                 {floats, Form::blocked, {7, 12}, Layout{0}, std::nullopt},
                 {floats, Form::blocked, {7, 12}, Layout{1}, std::nullopt},
                 {floats, Form::blocked, {7, 12}, Layout{1}, DType::f16},
                 {ints, Form::blocked, {7, 12}, Layout{1}, std::nullopt},
                 {ints, Form::i32, {}, {}, std::nullopt}};
  ASSERT_TRUE(measure(graph, spec));
  const std::vector<std::byte> whole = materialize(graph, spec).value();
  for (const size_t step : {16u, 48u, 208u, 4096u}) {
    std::vector<std::byte> joined;
    for (size_t at = 0; at < whole.size(); at += step) {
      std::vector<std::byte> part(std::min(step, whole.size() - at), std::byte{0xEE});  // every byte is to be written
      ASSERT_TRUE(materialize(graph, spec, at, part));
      joined.insert(joined.end(), part.begin(), part.end());
    }
    EXPECT_EQ(joined, whole) << step;
  }
  std::vector<std::byte> part(32);
  EXPECT_FALSE(materialize(graph, spec, whole.size() - 16, part)) << "beyond the end";
  EXPECT_FALSE(materialize(graph, spec, 8, part)) << "not aligned";
}

TEST(blob, a_constant_with_too_few_bytes_is_an_error) {
  Graph graph;
  const TensorId c = graph.add_constant(tensor("c", DType::f32, {2, 3}), ConstantData::of(std::vector<float>{1, 2}));
  BlobSpec spec;
  spec.pieces.push_back({c, BlobPiece::Form::f32, {}, {}, std::nullopt});
  EXPECT_FALSE(measure(graph, spec));
}

}  // namespace
}  // namespace nibble
