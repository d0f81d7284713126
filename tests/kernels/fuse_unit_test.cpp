// Which nodes are fused.
#include <gtest/gtest.h>

#include "core/requantize.h"
#include "kernels/conv_finish.h"
#include "kernels/fuse.h"
#include "ops/op.h"
#include "params.h"

namespace nibble {
namespace {

// Images [1, 4, 5, 5] throughout.
struct Net {
  explicit Net(DType type) : type(type) {
    TensorDesc x = image();
    x.name = "x";
    graph.inputs.push_back(graph.add_tensor(std::move(x)));
  }

  TensorDesc image() const {
    TensorDesc desc;
    desc.type = type;
    desc.shape = {1, 4, 5, 5};
    if (type == DType::i8) desc.quant = Quant::tensor(0.1f, 2);
    return desc;
  }
  template <class T>
  TensorId array(DType of, Shape shape, std::vector<T> values) {
    TensorDesc desc;
    desc.name = "c" + std::to_string(graph.tensors.size());
    desc.type = of;
    desc.shape = std::move(shape);
    if (of == DType::i8 && desc.shape.size() == 4) desc.quant = Quant::channel(0, std::vector<float>(4, 0.5f));
    return graph.add_constant(std::move(desc), ConstantData::of(values));
  }
  TensorId add(Op op, std::vector<TensorId> inputs) {
    auto node = graph.add_node("n" + std::to_string(graph.nodes.size()), std::move(op), std::move(inputs),
                               type == DType::i8 ? std::vector<TensorDesc>{image()} : std::vector<TensorDesc>{});
    EXPECT_TRUE(node) << node.error().message;
    return graph.nodes.back().outputs[0];
  }
  TensorId conv(TensorId x) {
    if (type == DType::f32) return add(Conv2d{}, {x, array(type, {4, 4, 1, 1}, std::vector<float>(16, 1.0f))});
    return add(
        Conv2d{},
        {x, array(type, {4, 4, 1, 1}, std::vector<int8_t>(16, 1)), array(DType::i32, {4}, std::vector<int32_t>(4, 7)),
         array(DType::i32, {4}, std::vector<int32_t>(4, 1 << 30)), array(DType::u8, {4}, std::vector<uint8_t>(4, 33))});
  }
  TensorId table(TensorId x, int step = 1) {
    std::vector<int8_t> entries;
    for (int i = -128; i < 128; ++i) entries.push_back(static_cast<int8_t>(i / 2 + step));
    return add(Unary{.kind = UnaryKind::silu}, {x, array(DType::i8, {256}, entries)});
  }
  TensorId sum(TensorId x, TensorId y, BinaryKind kind = BinaryKind::add, Activation activation = {}) {
    return add(Binary{.kind = kind, .activation = activation, .multiplier_x = 5, .multiplier_y = 6, .shift = 2},
               {x, y});
  }
  TensorId x() const { return graph.inputs[0]; }
  Fusion fused(std::vector<TensorId> outputs) {
    graph.outputs = std::move(outputs);
    return fuse(graph);
  }

  DType type;
  Graph graph;
};

TEST(fuse, a_table_joins_the_convolution_that_alone_feeds_it) {
  Net net(DType::i8);
  const TensorId y = net.table(net.conv(net.x()));
  const Fusion fusion = net.fused({y});
  ASSERT_EQ(fusion.finishes.size(), 1u);
  EXPECT_EQ(fusion.finishes[0].weighted, 0);
  EXPECT_EQ(fusion.finishes[0].maps, (std::vector<NodeId>{1}));
  EXPECT_EQ(fusion.finishes[0].output, y);
  EXPECT_EQ(fusion.absorbed, (std::vector<uint8_t>{1, 1}));
  EXPECT_EQ(fusion.finishes_behind[0].size(), 1u);
}

TEST(fuse, functions_of_bytes_join_to_one_table) {
  Net net(DType::i8);
  const TensorId first = net.table(net.conv(net.x()), 3);
  const FixedMultiplier half = fixed_multiplier(0.5);
  const TensorId second = net.add(Convert{{-20, 20}, half.multiplier, half.shift}, {first});
  const Fusion fusion = net.fused({net.table(second, -1)});
  ASSERT_EQ(fusion.finishes.size(), 1u);
  EXPECT_EQ(fusion.finishes[0].maps.size(), 3u);
  const auto table = joined_table(net.graph, fusion.finishes[0]);
  EXPECT_EQ(table[128 + 10], (2 + (10 / 2 + 3 - 2) / 2) / 2 - 1);
  EXPECT_EQ(table[128 + 127], 20 / 2 - 1);
}

TEST(fuse, a_table_has_the_form_that_a_device_finds_a_byte_in_soonest) {
  std::array<int8_t, 256> table;
  for (int i = 0; i < 256; ++i) table[static_cast<size_t>(i)] = static_cast<int8_t>(i * 7 % 251 - 125);
  const std::vector<uint32_t> words = table_words(table, NBL_TABLE_WORDS), bytes = table_words(table, NBL_TABLE_BYTES);
  ASSERT_EQ(words.size(), 256u);
  ASSERT_EQ(bytes.size(), 64u);
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(static_cast<int32_t>(words[i]), table[i]);
    EXPECT_EQ(static_cast<int8_t>(bytes[i % 64] >> (i / 64 * 8)), table[i]);
  }
  gpu::Caps caps;
  caps.device_type = gpu::DeviceType::cpu;
  caps.subgroup_size = 4;
  EXPECT_EQ(table_form(caps), uint32_t{NBL_TABLE_WORDS});
  caps.subgroup_size = 8;
  EXPECT_EQ(table_form(caps), uint32_t{NBL_TABLE_BYTES});
}

TEST(fuse, what_others_read_stays) {
  Net net(DType::i8);
  const TensorId y = net.conv(net.x());
  const TensorId a = net.table(y), b = net.table(y);
  EXPECT_TRUE(net.fused({a, b}).finishes.empty());
  Net output(DType::i8);
  const TensorId inner = output.conv(output.x());
  EXPECT_TRUE(output.fused({output.table(inner), inner}).finishes.empty());
}

TEST(fuse, a_sum_joins_the_later_convolution) {
  for (DType type : {DType::i8, DType::f32}) {
    Net net(type);
    const TensorId a = net.conv(net.x()), b = net.conv(net.x());
    const Fusion fusion = net.fused({net.sum(b, a)});
    ASSERT_EQ(fusion.finishes.size(), 1u);
    EXPECT_EQ(fusion.finishes[0].weighted, 1);
    EXPECT_EQ(fusion.finishes[0].add, 2);
    EXPECT_EQ(fusion.finishes[0].residual, a);
    EXPECT_EQ(fusion.absorbed, (std::vector<uint8_t>{0, 1, 1}));
  }
}

TEST(fuse, a_sum_behind_a_table_waits_for_the_other_tensor) {
  Net net(DType::i8);
  const TensorId y = net.table(net.conv(net.x()));
  const TensorId other = net.table(net.x());
  const Fusion fusion = net.fused({net.sum(other, y, BinaryKind::sub)});
  ASSERT_EQ(fusion.finishes.size(), 1u);
  EXPECT_EQ(fusion.finishes[0].residual, other);
  EXPECT_EQ(fusion.finishes_behind[2].size(), 1u) << "behind the node that computes the other tensor";
}

TEST(fuse, sums_that_the_kernels_do_not_know_stay) {
  const auto finishes = [](DType type, BinaryKind kind, Activation activation) {
    Net net(type);
    const TensorId y = net.conv(net.x());
    return net.fused({net.sum(y, net.x(), kind, activation)}).finishes.size();
  };
  EXPECT_EQ(finishes(DType::f32, BinaryKind::add, {UnaryKind::relu}), 1u);
  EXPECT_EQ(finishes(DType::f32, BinaryKind::add, {UnaryKind::silu}), 0u);
  EXPECT_EQ(finishes(DType::f32, BinaryKind::sub, {}), 0u);
  EXPECT_EQ(finishes(DType::i8, BinaryKind::sub, {}), 1u);
  Net twice(DType::f32);
  const TensorId y = twice.conv(twice.x());
  EXPECT_TRUE(twice.fused({twice.sum(y, y)}).finishes.empty());
}

}  // namespace
}  // namespace nibble
