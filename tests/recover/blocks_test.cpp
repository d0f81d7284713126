#include "converter/recover/blocks.h"

#include "tests/recover/damaged_net.h"

namespace nibble::test {
namespace {

using recover::Block;

std::vector<std::string> names(const Graph& graph, const std::vector<Block>& blocks) {
  std::vector<std::string> out;
  for (const Block& b : blocks) out.push_back(graph.desc(b.input).name + " > " + graph.desc(b.output).name);
  return out;
}

TEST(Blocks, end_where_one_tensor_is_left) {
  const Graph graph = residual_net();
  EXPECT_EQ(names(graph, recover::smallest_blocks(graph)),
            (std::vector<std::string>{"x > stem", "stem > block0.add", "block0.add > block1.add", "block1.add > mean",
                                      "mean > logits"}));
}

TEST(Blocks, stop_in_front_of_a_softmax) {
  const Graph graph = residual_net(true);
  EXPECT_EQ(names(graph, recover::smallest_blocks(graph)).back(), "mean > logits");
}

TEST(Blocks, are_joined_until_they_have_the_layers_and_an_end_that_can_be_compared) {
  const Graph graph = residual_net();
  const std::vector<Block> smallest = recover::smallest_blocks(graph);
  const auto joined = recover::join_blocks(smallest, 2, [](TensorId) { return true; });
  EXPECT_EQ(names(graph, joined), (std::vector<std::string>{"x > block0.add", "block0.add > logits"}));
  EXPECT_EQ(joined[0].weighted_layers, 3u);
  EXPECT_EQ(joined[1].weighted_layers, 3u);
  const auto one = recover::join_blocks(smallest, 1, [&](TensorId id) { return graph.desc(id).name != "block0.add"; });
  EXPECT_EQ(names(graph, one), (std::vector<std::string>{"x > stem", "stem > block1.add", "block1.add > logits"}));
}

TEST(Blocks, of_a_network_with_two_outputs_end_where_it_splits) {
  Graph graph = residual_net();
  const TensorId split = graph.nodes[0].outputs[0];  // the stem: everything behind it carries two tensors
  graph.outputs.push_back(split);
  EXPECT_EQ(names(graph, recover::smallest_blocks(graph)), (std::vector<std::string>{"x > stem"}));
  EXPECT_FALSE(recover::whole_network(graph));
}

TEST(Blocks, whole_network_reaches_from_the_input_to_the_scores) {
  const Graph graph = residual_net(true);
  const auto all = recover::whole_network(graph);
  ASSERT_TRUE(all);
  EXPECT_EQ(names(graph, {*all}), (std::vector<std::string>{"x > logits"}));
  EXPECT_EQ(all->weighted_layers, 6u);
}

}  // namespace
}  // namespace nibble::test
