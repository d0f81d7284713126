// What the report says of memory.
#include "converter/compress/report_costs.h"

#include <gtest/gtest.h>

#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

// x [1, 4, 8, 8] -> a (16 channels) -> b (2 channels): a kilobyte is 256 floats.
Graph chain() {
  Graph graph;
  TensorId at = add_input(graph, {1, 4, 8, 8});
  at = add_layer(graph, "a", Conv2d{}, at, {16, 4, 1, 1}, 1);
  add_layer(graph, "b", Conv2d{}, at, {2, 16, 1, 1}, 2);
  return graph;
}

TEST(report_costs, what_is_alive_at_once) {
  Graph graph = chain();
  // x and a's output: (4 + 16) * 64 floats; then a's and b's: (16 + 2) * 64.
  EXPECT_EQ(compress::live_activation_bytes(graph), 20u * 64 * 4);
  graph.outputs.push_back(graph.nodes[0].inputs[0]);  // x is read to the end
  EXPECT_EQ(compress::live_activation_bytes(graph), 22u * 64 * 4);
  for (Tensor& t : graph.tensors) {
    if (!t.is_constant()) t.desc.type = DType::i8;
  }
  EXPECT_EQ(compress::live_activation_bytes(graph), 22u * 64);
  EXPECT_EQ(compress::live_activation_bytes(Graph{}), 0u);
}

}  // namespace
}  // namespace nibble::test
