#include "converter/recover/recover.h"

#include "converter/recover/divergence.h"
#include "tests/recover/damaged_net.h"

namespace nibble::test {
namespace {

recover::Options quick(int threads = 2) {
  recover::Options o;
  o.steps = 80;
  o.batch = 16;
  o.threads = threads;
  o.keep_zeros = true;  // the damage is made of zeros
  return o;
}

const Graph& original() {
  static const Graph graph = residual_net(true);
  return graph;
}

// Agreement of two networks on samples that recovery never saw.
double divergence_elsewhere(const Graph& graph) {
  std::vector<size_t> which;
  for (size_t i = 1000; i < 1040; ++i) which.push_back(i);
  const auto divergence = recover::Divergence::of(original(), noise_samples(2000), which, 1 << 20);
  EXPECT_TRUE(divergence);
  const auto value = (*divergence)(graph);
  EXPECT_TRUE(value);
  return *value;
}

TEST(RecoverBlocks, bring_a_damaged_network_nearer_to_the_original) {
  const Graph changed = damaged(original(), {"block0.a", "block1.a"}, 4);
  const auto recovered = recover::recover_blocks(original(), changed, noise_samples(100), {}, quick());
  ASSERT_TRUE(recovered) << recovered.error().message;
  ASSERT_EQ(recovered->blocks.size(), 2u);
  EXPECT_LT(recovered->divergence_after, 0.5 * recovered->divergence_before);
  for (const recover::BlockReport& b : recovered->blocks) {
    if (!b.kept) continue;
    EXPECT_LT(b.loss_after, b.loss_before);
  }
  EXPECT_LT(divergence_elsewhere(recovered->graph), 0.6 * divergence_elsewhere(changed));
}

TEST(RecoverBlocks, give_the_same_bytes_on_one_and_two_threads) {
  const Graph changed = damaged(original(), {"block0.a"}, 4);
  const auto one = recover::recover_blocks(original(), changed, noise_samples(50), {}, quick(1));
  const auto two = recover::recover_blocks(original(), changed, noise_samples(50), {}, quick(2));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(constant_bytes(one->graph), constant_bytes(two->graph));
  EXPECT_NE(constant_bytes(one->graph), constant_bytes(changed));
}

TEST(RecoverBlocks, leave_an_undamaged_network_as_it_is) {
  const auto recovered = recover::recover_blocks(original(), original(), noise_samples(50), {}, quick());
  ASSERT_TRUE(recovered);
  EXPECT_EQ(constant_bytes(recovered->graph), constant_bytes(original()));
  EXPECT_EQ(recovered->divergence_after, recovered->divergence_before);
  for (const recover::BlockReport& b : recovered->blocks) {
    EXPECT_FALSE(b.kept);
    EXPECT_FALSE(b.reason.empty());
  }
}

// The residual stream lost channels: its tensors are compared with those channels of the original that are left.
TEST(RecoverBlocks, compare_the_channels_that_are_left) {
  Graph whole, narrow;
  for (Graph* graph : {&whole, &narrow}) {
    const bool all = graph == &whole;
    const int64_t c = all ? 6 : 4;
    TensorId x = add_input(*graph, {1, 3, 8, 8});
    x = add_layer(*graph, "a", same_size(UnaryKind::relu), x, {8, 3, 3, 3}, 1, 0.5f);
    x = add_layer(*graph, "b", same_size(UnaryKind::relu), x, {c, 8, 3, 3}, 3, 0.5f);
    x = add_layer(*graph, "c", same_size(UnaryKind::relu), x, {8, c, 3, 3}, 5, 0.5f);
    x = add_layer(*graph, "d", same_size(), x, {3, 8, 3, 3}, 7, 0.5f);
  }
  recover::Options options = quick();
  options.keep_zeros = false;
  const auto without = recover::recover_blocks(whole, narrow, noise_samples(60), {}, options);
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_EQ(without->blocks.size(), 1u);  // 'b' cannot be compared
  const auto with = recover::recover_blocks(whole, narrow, noise_samples(60), {{"b", {1, 2, 4, 5}}}, options);
  ASSERT_TRUE(with) << with.error().message;
  ASSERT_EQ(with->blocks.size(), 2u);
  EXPECT_EQ(with->blocks[0].output, "b");
  EXPECT_LT(with->blocks[0].loss_after, 0.6 * with->blocks[0].loss_before);
  EXPECT_LT(with->divergence_after, with->divergence_before);
}

TEST(RecoverBlocks, pass_over_operators_without_gradient) {
  Graph graph;
  TensorId x = add_input(graph, {1, 3, 8, 8});
  x = add_layer(graph, "a", same_size(UnaryKind::relu), x, {4, 3, 3, 3}, 1);
  x = add_layer(graph, "b", same_size(), x, {4, 4, 3, 3}, 3);
  x = add_node(graph, "norm", InstanceNorm{}, {x, add_noise(graph, "s", {4}, 1), add_noise(graph, "t", {4}, 2)});
  x = add_layer(graph, "c", same_size(UnaryKind::relu), x, {4, 4, 3, 3}, 5);
  x = add_layer(graph, "d", same_size(), x, {4, 4, 3, 3}, 7);
  const auto recovered = recover::recover_blocks(graph, damaged(graph, {"a"}, 2), noise_samples(40), {}, quick());
  ASSERT_TRUE(recovered) << recovered.error().message;
  ASSERT_EQ(recovered->blocks.size(), 2u);
  EXPECT_EQ(recovered->blocks[0].output, "b");
  EXPECT_TRUE(recovered->blocks[0].kept) << recovered->blocks[0].reason;
  EXPECT_NE(recovered->blocks[1].reason.find("'norm'"), std::string::npos) << recovered->blocks[1].reason;
  EXPECT_EQ(recovered->blocks[1].samples, 0u);
}

TEST(RecoverBlocks, want_samples_and_one_size_of_them) {
  const auto few = recover::recover_blocks(original(), original(), noise_samples(9), {}, quick());
  ASSERT_FALSE(few);
  EXPECT_NE(few.error().message.find("at least 10 samples, found 9"), std::string::npos) << few.error().message;
}

// Fewer samples than there are: as many as the cache holds, and no more.
TEST(RecoverBlocks, keep_to_the_cache) {
  recover::Options options = quick();
  options.cache_bytes = 50 * (3 + 8) * 64 * sizeof(float);  // 50 samples of the first block
  const Graph changed = damaged(original(), {"block0.a"}, 4);
  const auto recovered = recover::recover_blocks(original(), changed, noise_samples(200), {}, options);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->blocks[0].samples, 40u);
}

TEST(RecoverNetwork, brings_a_damaged_network_nearer_to_the_original) {
  const Graph changed = damaged(original(), {"block0.a", "block1.a"}, 4);
  const auto recovered = recover::recover_network(original(), changed, noise_samples(100), quick());
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_LT(recovered->divergence_after, 0.5 * recovered->divergence_before);
  EXPECT_LT(divergence_elsewhere(recovered->graph), 0.6 * divergence_elsewhere(changed));
}

TEST(RecoverNetwork, gives_the_same_bytes_on_one_and_two_threads) {
  const Graph changed = damaged(original(), {"block0.a"}, 4);
  const auto one = recover::recover_network(original(), changed, noise_samples(50), quick(1));
  const auto two = recover::recover_network(original(), changed, noise_samples(50), quick(2));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(constant_bytes(one->graph), constant_bytes(two->graph));
  EXPECT_NE(constant_bytes(one->graph), constant_bytes(changed));
}

TEST(RecoverNetwork, leaves_an_undamaged_network_as_it_is) {
  const auto recovered = recover::recover_network(original(), original(), noise_samples(50), quick());
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(constant_bytes(recovered->graph), constant_bytes(original()));
}

TEST(RecoverNetwork, says_what_stands_in_its_way) {
  Graph two = original();
  two.outputs.push_back(two.nodes[0].outputs[0]);
  const auto refused = recover::recover_network(two, two, noise_samples(20), quick());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported_op);
  EXPECT_NE(refused.error().message.find("1 and 2"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace nibble::test
