// Residual branches that do little go first, and the rest makes up for them.
#include "converter/prune/blocks.h"

#include <gtest/gtest.h>

#include "converter/prune/block_search.h"
#include "converter/prune/split_activations.h"
#include "graph/cost.h"
#include "prune/random_net.h"

namespace nibble::prune {
namespace {

using test::random_samples;
using test::RandomNet;

constexpr int64_t kBodyMacs = 2 * 16 * 16 * 9 * 64;

// Three residual blocks of two convolutions, a mean and four classes; what the second body adds is next to nothing.
struct ResidualNet {
  explicit ResidualNet(uint32_t seed) : net(seed) {
    TensorId x = net.conv(net.graph.inputs[0], 16);
    for (int block = 0; block < 3; ++block) {
      const TensorId hidden = net.conv(x, 16);
      const TensorId body = net.conv(hidden, 16, 3, 1, UnaryKind::identity);
      if (block == 1) quieten(net.graph.nodes.back());
      x = net.unary(UnaryKind::relu, net.binary(BinaryKind::add, x, body));
      adds.push_back(net.graph.nodes[net.graph.nodes.size() - 2].name);
    }
    net.graph.outputs = {net.linear(net.flatten(net.mean(x)), 4)};
  }
  void quieten(const Node& node) {
    for (const size_t slot : {size_t{1}, size_t{2}}) {
      Tensor& tensor = net.graph.tensor(node.inputs[slot]);
      std::vector<float> values(tensor.constant->as<float>().begin(), tensor.constant->as<float>().end());
      for (float& v : values) v *= 1e-4f;
      tensor.constant = ConstantData::of(values);
    }
  }
  uint64_t macs() const { return multiply_adds(net.graph); }
  RandomNet net;
  std::vector<std::string> adds;
};

TEST(Blocks, bodies_of_residual_sums_are_found_from_the_graph) {
  const ResidualNet three(1);
  std::vector<Block> blocks = find_blocks(three.net.graph);
  ASSERT_EQ(blocks.size(), 3u);
  for (size_t b = 0; b < 3; ++b) {
    EXPECT_EQ(blocks[b].add, three.adds[b]);
    EXPECT_EQ(blocks[b].multiply_adds, static_cast<uint64_t>(kBodyMacs));
    EXPECT_EQ(blocks[b].body, 1u);
  }
  ASSERT_TRUE(block_influence(three.net.graph, random_samples(4), blocks).has_value());
  EXPECT_LT(blocks[1].influence, 1e-4);
  EXPECT_GT(blocks[0].influence, 100 * blocks[1].influence);
  EXPECT_GT(blocks[2].influence, 100 * blocks[1].influence);
}

TEST(Blocks, sums_that_nothing_can_stand_for_are_none) {
  RandomNet net(2);
  const TensorId x = net.conv(net.graph.inputs[0], 8);
  const TensorId y = net.binary(BinaryKind::add, x, net.floats({1, 8, 1, 1}));  // a constant
  const TensorId z = net.binary(BinaryKind::add, y, net.mean(y));               // of another shape
  net.graph.outputs = {net.conv(net.binary(BinaryKind::add, z, z), 4)};
  EXPECT_TRUE(find_blocks(net.graph).empty());
  EXPECT_FALSE(cut_blocks(net.graph, {"nothing"}).has_value());
}

TEST(Blocks, a_body_that_does_nothing_goes_first_and_the_output_stays) {
  const ResidualNet three(3);
  const uint64_t target = three.macs() - static_cast<uint64_t>(kBodyMacs);
  const auto removal = choose_removal(three.net.graph, random_samples(24), target, {});
  ASSERT_TRUE(removal.has_value()) << removal.error().message;
  EXPECT_EQ(removal->blocks, std::vector<std::string>{three.adds[1]});
  PruneReport report;
  const auto pruned = apply_removal(*removal, report);
  ASSERT_TRUE(pruned.has_value()) << pruned.error().message;
  EXPECT_EQ(report.macs_after, target);
  const auto inputs = test::random_inputs(three.net.graph, 5);
  const std::vector<float> expected = test::run(three.net.graph, inputs), got = test::run(*pruned, inputs);
  double largest = 0.0;
  for (float v : expected) largest = std::max(largest, std::abs(static_cast<double>(v)));
  EXPECT_LT(test::largest_difference(expected, got), 1e-3 * largest);
}

TEST(Blocks, branches_stay_where_they_are_not_to_be_looked_at) {
  const ResidualNet three(3);
  const uint64_t target = three.macs() - static_cast<uint64_t>(kBodyMacs);
  const auto removal = choose_removal(three.net.graph, random_samples(12), target, {.blocks = false});
  ASSERT_TRUE(removal.has_value()) << removal.error().message;
  EXPECT_TRUE(removal->blocks.empty());
  EXPECT_TRUE(removal->trials.empty());
  EXPECT_LE(removal->pruner->macs(removal->keep), target);
}

TEST(Blocks, the_same_removal_again_gives_the_same_weights) {
  const ResidualNet three(4);
  const auto target = static_cast<uint64_t>(0.6 * static_cast<double>(three.macs()));
  const SampleInputs samples = random_samples(24);
  const auto removal = choose_removal(three.net.graph, samples, target, {});
  ASSERT_TRUE(removal.has_value()) << removal.error().message;
  ASSERT_FALSE(removal->blocks.empty());
  PruneReport report, again;
  const auto first = apply_removal(*removal, report);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_LE(report.macs_after, target);

  const auto without = remove_blocks(split_activations(three.net.graph).value(), removal->blocks, samples, true);
  ASSERT_TRUE(without.has_value()) << without.error().message;
  const auto pruner = Pruner::make(*without, samples, {});
  ASSERT_TRUE(pruner.has_value());
  const auto second = (*pruner)->repeat(report.kept, again);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  const auto inputs = test::random_inputs(three.net.graph, 5);
  EXPECT_EQ(test::run(*first, inputs), test::run(*second, inputs));
}

}  // namespace
}  // namespace nibble::prune
