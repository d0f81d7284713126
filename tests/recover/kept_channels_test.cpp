#include "converter/compress/kept_channels.h"

#include "tests/recover/damaged_net.h"

namespace nibble::test {
namespace {

Graph joined_net() {
  Graph graph;
  const TensorId x = add_input(graph, {1, 3, 8, 8});
  const TensorId a = add_layer(graph, "a", same_size(UnaryKind::relu), x, {4, 3, 3, 3}, 1);
  const TensorId b = add_layer(graph, "b", same_size(), x, {2, 3, 3, 3}, 3);
  const TensorId joined = add_node(graph, "joined", Concat{1}, {a, b});
  add_layer(graph, "c", same_size(), joined, {3, 6, 3, 3}, 5);
  return graph;
}

TEST(KeptChannels, follow_a_group_through_the_tensors_that_hold_it) {
  const auto kept = compress::kept_channels(joined_net(), {{"a", 4, {0, 3}}, {"b", 2, {1}}});
  EXPECT_EQ(kept, (std::map<std::string, std::vector<int64_t>>{{"a", {0, 3}}, {"b", {1}}, {"joined", {0, 3, 5}}}));
}

TEST(KeptChannels, say_nothing_of_groups_that_are_not_there) {
  EXPECT_TRUE(compress::kept_channels(joined_net(), {}).empty());
  EXPECT_TRUE(compress::kept_channels(joined_net(), {{"a", 5, {0, 3}}, {"z", 2, {1}}}).empty());
}

}  // namespace
}  // namespace nibble::test
