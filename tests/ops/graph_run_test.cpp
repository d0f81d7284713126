// Whole graphs on the oracle.
#include "reference/evaluate.h"
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

using reference::Value;

struct SumAndDouble {
  Graph graph;
  TensorId x, sum, doubled;

  SumAndDouble() {
    TensorDesc desc;
    desc.name = "x";
    desc.shape = {2};
    x = graph.add_tensor(desc);
    graph.inputs = {x};
    TensorDesc one;
    one.shape = {1};
    const TensorId constant = graph.add_constant(one, ConstantData::of(std::vector<float>{1.0f}));
    EXPECT_TRUE(graph.add_node("sum", Binary{}, {x, constant}));
    sum = graph.nodes[0].outputs[0];
    Unary twice;
    twice.kind = UnaryKind::affine;
    twice.a = 2.0f;
    EXPECT_TRUE(graph.add_node("twice", twice, {sum}));
    doubled = graph.nodes[1].outputs[0];
    graph.outputs = {doubled};
  }

  Value input() const {
    Value value = reference::make_value<double>(graph.desc(x)).value();
    value.real = {1, 2};
    return value;
  }
};

TEST(graph_run, frees_what_nobody_reads_any_more) {
  const SumAndDouble net;
  auto result = reference::run(net.graph, {{net.x, net.input()}}, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->at(net.doubled).real, (std::vector<double>{4, 6}));
  EXPECT_EQ(result->size(), 1u);
}

TEST(graph_run, keeps_everything_where_asked) {
  const SumAndDouble net;
  reference::RunOptions options;
  options.keep_all = true;
  std::vector<TensorId> seen;
  options.observer = [&](TensorId id, const Value&) { seen.push_back(id); };
  auto result = reference::run(net.graph, {{net.x, net.input()}}, options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->at(net.sum).real, (std::vector<double>{2, 3}));
  EXPECT_EQ(seen, (std::vector<TensorId>{net.sum, net.doubled}));
}

TEST(graph_run, names_inputs_that_are_missing_or_wrong) {
  const SumAndDouble net;
  EXPECT_NE(reference::run(net.graph, {}, {}).error().message.find("input 'x' has no value"), std::string::npos);
  Value wrong = net.input();
  wrong.shape = {1, 2};
  wrong.desc.shape = {1, 2};
  EXPECT_NE(reference::run(net.graph, {{net.x, wrong}}, {}).error().message.find("expected f32 [2], found f32 [1, 2]"),
            std::string::npos);
}

TEST(evaluate_node, names_the_node_that_fails) {
  const SumAndDouble net;
  auto result = reference::evaluate_constant(net.graph, net.graph.nodes[0]);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("Binary 'sum': input 0, tensor 'x', has no value"), std::string::npos);
}

TEST(evaluate_constant, refuses_endless_arithmetic_on_constants) {
  Graph graph;
  TensorDesc one;
  one.shape = {1, 1, 1, 1};
  const TensorId x = graph.add_constant(one, ConstantData::of(std::vector<float>{1.0f}));
  ASSERT_TRUE(graph.add_node("repeat", Expand{{1, 1, 10000, 10000}}, {x}));
  Pool2d pool;
  pool.kernel_h = pool.kernel_w = 5000;
  ASSERT_TRUE(graph.add_node("pool", pool, {graph.nodes[0].outputs[0]}));
  EXPECT_NE(
      reference::evaluate_constant(graph, graph.nodes[1]).error().message.find("Pool2d 'pool': too much arithmetic"),
      std::string::npos);
}

TEST(value, survives_the_way_through_bytes) {
  for (DType type : {DType::f32, DType::f16, DType::i8, DType::u8, DType::i4, DType::i32, DType::i64, DType::boolean}) {
    TensorDesc desc;
    desc.type = type;
    desc.shape = {2};
    Value value = reference::make_value<double>(desc).value();
    if (value.is_real()) {
      value.real = {-1.5, 3};
    } else {
      value.stored = {1, type == DType::boolean ? 0 : 7};
    }
    const Value back = reference::value_from_bytes<double>(desc, reference::value_bytes(value)).value();
    EXPECT_EQ(back.real, value.real) << to_string(type);
    EXPECT_EQ(back.stored, value.stored) << to_string(type);
  }
}

TEST(value, refuses_sizes_beyond_the_oracle) {
  TensorDesc desc;
  desc.name = "huge";
  desc.shape = {1 << 20, 1 << 20};
  EXPECT_EQ(reference::make_value<double>(desc).error().code, Code::out_of_memory);
  desc.shape = {Dim::symbol("N")};
  EXPECT_NE(reference::make_value<double>(desc).error().message.find("'huge' of shape [N] has a free dimension"),
            std::string::npos);
  desc.shape = {3};
  EXPECT_NE(reference::value_from_bytes<double>(desc, std::vector<std::byte>(4))
                .error()
                .message.find("expected 12 bytes, found 4"),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::test
