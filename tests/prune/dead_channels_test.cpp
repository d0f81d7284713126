// Channels that say nothing go, and the output stays.
#include "converter/prune/dead_channels.h"

#include <gtest/gtest.h>

#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "prune/random_net.h"
#include "support/shared_data.h"

namespace nibble::prune {
namespace {

using test::RandomNet;

// Sets a row of a layer's weights to `weight` and its bias to `bias`.
void set_row(Graph& graph, NodeId n, int64_t row, float weight, float bias) {
  const Node& node = graph.nodes[static_cast<size_t>(n)];
  Tensor& w = graph.tensor(node.inputs[1]);
  std::vector<float> weights(w.constant->as<float>().begin(), w.constant->as<float>().end());
  const auto per_row = static_cast<int64_t>(weights.size()) / w.desc.shape[0].value();
  for (int64_t i = 0; i < per_row; ++i) weights[static_cast<size_t>(row * per_row + i)] = weight;
  w.constant = ConstantData::of(weights);
  Tensor& b = graph.tensor(node.inputs[2]);
  std::vector<float> biases(b.constant->as<float>().begin(), b.constant->as<float>().end());
  biases[static_cast<size_t>(row)] = bias;
  b.constant = ConstantData::of(biases);
}

void expect_removed(const Graph& graph, int64_t count) {
  const auto dead = remove_dead_channels(graph);
  ASSERT_TRUE(dead.has_value()) << dead.error().message;
  EXPECT_EQ(dead->removed, count);
  const Status valid = verify(dead->graph);
  EXPECT_TRUE(valid.has_value()) << valid.error().message;
  const auto inputs = test::random_inputs(graph, 5);
  EXPECT_LT(test::largest_difference(test::run(graph, inputs), test::run(dead->graph, inputs)), 1e-5);
}

// x -> conv (node 0) -> the layer under test (node 1) -> 3 channels.
struct TwoLayers {
  explicit TwoLayers(int32_t second_kernel) : net(1) {
    const TensorId x = net.conv(net.graph.inputs[0], 6);
    net.graph.outputs = {net.conv(x, 3, second_kernel, 1, UnaryKind::identity)};
  }
  RandomNet net;
};

TEST(DeadChannels, a_channel_that_relu_always_cuts_goes) {
  TwoLayers layers(3);
  set_row(layers.net.graph, 0, 2, 0.0f, -1.0f);
  expect_removed(layers.net.graph, 1);
}

TEST(DeadChannels, a_constant_goes_into_the_bias_of_its_reader) {
  TwoLayers layers(1);
  set_row(layers.net.graph, 0, 2, 0.0f, 0.7f);
  set_row(layers.net.graph, 0, 4, 1e-30f, 0.2f);
  expect_removed(layers.net.graph, 2);
}

TEST(DeadChannels, a_constant_beside_zero_padding_stays) {
  TwoLayers layers(3);
  set_row(layers.net.graph, 0, 2, 0.0f, 0.7f);
  expect_removed(layers.net.graph, 0);
}

TEST(DeadChannels, a_small_but_real_channel_stays) {
  TwoLayers layers(1);
  set_row(layers.net.graph, 0, 2, 1e-6f, 0.0f);
  expect_removed(layers.net.graph, 0);
}

TEST(DeadChannels, of_a_layer_that_is_dead_as_a_whole_one_channel_stays) {
  TwoLayers layers(1);
  for (int64_t row = 0; row < 6; ++row) set_row(layers.net.graph, 0, row, 0.0f, -1.0f);
  expect_removed(layers.net.graph, 5);
}

TEST(DeadChannels, death_goes_through_depthwise_and_backwards_through_what_only_dead_channels_read) {
  RandomNet net(2);
  const TensorId a = net.conv(net.graph.inputs[0], 6);  // node 0
  const TensorId b = net.conv(net.depthwise(a), 5, 1);  // nodes 1, 2
  net.graph.outputs = {net.conv(b, 3, 3)};              // node 3
  set_row(net.graph, 0, 1, 0.0f, -0.5f);                // zero
  set_row(net.graph, 1, 1, 1.0f, 0.4f);                 // its depthwise channel is constant, read without padding
  for (int64_t row = 0; row < 4; ++row) set_row(net.graph, 2, row, 0.0f, -1.0f);  // reads nothing any more
  expect_removed(net.graph, 5);
}

TEST(DeadChannels, a_stream_lives_while_one_of_its_sums_does) {
  RandomNet net(3);
  const TensorId stream = net.conv(net.graph.inputs[0], 4);
  const TensorId sum = net.binary(BinaryKind::add, stream, net.conv(stream, 4, 3));
  net.graph.outputs = {net.conv(sum, 2, 1)};
  set_row(net.graph, 0, 1, 0.0f, 0.0f);
  expect_removed(net.graph, 0);  // the branch still writes the channel
  set_row(net.graph, 1, 1, 0.0f, 0.0f);
  expect_removed(net.graph, 1);
}

TEST(DeadChannels, all_971_of_a_trained_network_are_found) {
  const auto path = test::shared_data("models/vww_mobilenet_0.25/vww_mobilenet_0.25.onnx");
  if (!path) GTEST_SKIP() << "shared data not found";
  auto imported = onnx_import::import_file(path->string());
  ASSERT_TRUE(imported.has_value());
  ASSERT_TRUE(passes::run(imported->graph, {}).has_value());
  expect_removed(imported->graph, 971);
}

}  // namespace
}  // namespace nibble::prune
