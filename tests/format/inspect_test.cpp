#include <gtest/gtest.h>

#include <filesystem>

#include "format/writer.h"
#include "graph/cost.h"
#include "ops/op.h"
#include "sample_graphs.h"
#include "tools/inspect_facts.h"
#include "tools/inspect_output.h"

namespace nibble {
namespace {

TensorId constant(Graph& graph, Shape shape) {
  const auto count = static_cast<size_t>(elements(shape).value());
  return graph.add_constant({"", DType::f32, std::move(shape), {}, Packing::plain},
                            ConstantData::of(std::vector<float>(count, 1.0f)));
}

TensorId input(Graph& graph, Shape shape) {
  graph.inputs.push_back(graph.add_tensor({"x", DType::f32, std::move(shape), {}, Packing::plain}));
  return graph.inputs.back();
}

uint64_t cost_of(Graph& graph, Op op, std::vector<TensorId> inputs) {
  const NodeId id = graph.add_node("node", std::move(op), std::move(inputs)).value();
  return multiply_adds(graph, graph.nodes[static_cast<size_t>(id)]);
}

TEST(Cost, counts_multiply_adds_of_products_only) {
  Graph graph;
  const TensorId image = input(graph, {2, 6, 8, 8});
  EXPECT_EQ(cost_of(graph, Conv2d{.stride_h = 2, .groups = 3}, {image, constant(graph, {9, 2, 3, 1})}),
            2u * 9 * 3 * 8 * (2 * 3 * 1));
  EXPECT_EQ(cost_of(graph, ConvTranspose2d{.stride_h = 2, .stride_w = 2, .groups = 2},
                    {image, constant(graph, {4, 3, 2, 2})}),
            2u * 6 * 8 * 8 * (4 / 2) * 4);
  EXPECT_EQ(cost_of(graph, Linear{}, {image, constant(graph, {5, 8})}), 2u * 6 * 8 * 5 * 8);
  EXPECT_EQ(cost_of(graph, MatMul{.transpose_a = true}, {constant(graph, {4, 7, 3}), constant(graph, {7, 5})}),
            4u * 3 * 7 * 5);
  EXPECT_EQ(cost_of(graph, Unary{UnaryKind::relu, 0, 0}, {image}), 0u);
}

TEST(Cost, free_dimensions_count_as_one) {
  Graph graph;
  const TensorId x = input(graph, {Dim::symbol("N"), 3});
  EXPECT_EQ(cost_of(graph, Linear{}, {x, constant(graph, {5, 3})}), 15u);
}

class Inspect : public testing::Test {
 protected:
  ModelFacts facts(const Graph& graph) {
    const auto path =
        std::filesystem::temp_directory_path() / ("nibble_inspect_" + std::to_string(::getpid()) + ".nbl");
    EXPECT_TRUE(write_model(graph, path.string()));
    ModelFacts out = container_facts(path.string()).value();
    std::filesystem::remove(path);
    add_graph(out, graph, bind_dims(graph, {}).value());
    return out;
  }
};

TEST_F(Inspect, adds_up_what_resnet20_is) {
  const ModelFacts f = facts(test::resnet20(DType::i4));
  EXPECT_EQ(f.layers.size(), test::resnet20(DType::i4).nodes.size());
  EXPECT_EQ(f.multiply_adds, 40813184u);  // K. He et al., 2015, with projection shortcuts
  EXPECT_DOUBLE_EQ(f.integer_share(), 1.0);
  EXPECT_EQ(f.layers[1].weights, "i8");
  EXPECT_EQ(f.layers[2].weights, "i4 g32");
  EXPECT_EQ(f.layers[0].activations, "f32 -> i8");
  EXPECT_EQ(f.free_dims, std::vector<std::string>{"N"});
  uint64_t sections = 0, bytes = 0;
  for (const SectionFacts& section : f.sections) sections += section.bytes;
  for (const LayerFacts& layer : f.layers) bytes += layer.bytes;
  EXPECT_LT(sections, f.file_bytes);
  EXPECT_EQ(bytes, f.constant_bytes);
}

TEST_F(Inspect, counts_a_constant_of_two_layers_once) {
  const Graph graph = test::tiny_graph();
  Graph twice = graph;
  const Node& first = graph.nodes[0];
  twice.outputs.push_back(
      twice.nodes[static_cast<size_t>(twice.add_node("again", *first.op, first.inputs).value())].outputs[0]);
  EXPECT_EQ(facts(twice).constant_bytes, facts(graph).constant_bytes);
  EXPECT_EQ(facts(twice).parameters, facts(graph).parameters);
}

TEST_F(Inspect, tells_why_there_is_no_plan) {
  const PlanFacts plan{.device = "a toaster", .plan = {}, .refusal = "too small"};
  const ModelFacts f = facts(test::tiny_graph());
  EXPECT_NE(to_text(f, plan).find("no plan for a toaster: too small"), std::string::npos);
  EXPECT_NE(to_json(f, plan, true).find("\"refused\": \"too small\""), std::string::npos);
}

TEST_F(Inspect, shows_control_characters_of_names_as_question_marks) {
  Graph graph = test::tiny_graph();
  graph.nodes[0].name = "evil\x1b[2J";
  graph.metadata["key\n"] = "two\nlines";
  const std::string text = to_text(facts(graph), {.device = "d", .plan = {}, .refusal = "r"});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("evil?[2J"), std::string::npos);
  EXPECT_NE(text.find("key?, 9 bytes: two lines"), std::string::npos);
}

}  // namespace
}  // namespace nibble
