// Pruning any legal set of channels equals the masked original.
#include "converter/prune/axis_groups.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "converter/prune/remove_channels.h"
#include "prune/random_net.h"
#include "support/shared_data.h"

namespace nibble::prune {
namespace {

using test::RandomNet;

// A third of the channels of every group, never all of an axis.
std::vector<const Channel*> random_set(const Graph& graph, const AxisGroups& groups, uint32_t seed) {
  std::mt19937 random(seed);
  std::map<std::pair<TensorId, int32_t>, int64_t> left;
  std::vector<const Channel*> out;
  for (const Group& group : groups.groups) {
    for (const Channel& channel : group.channels) {
      if (random() % 3 != 0) continue;
      std::map<std::pair<TensorId, int32_t>, int64_t> lost;
      for (const Position& p : channel.positions) ++lost[{p.tensor, p.axis}];
      bool fits = true;
      for (const auto& [axis, count] : lost) {
        const int64_t size = graph.desc(axis.first).shape[static_cast<size_t>(axis.second)].value();
        fits = fits && left.emplace(axis, size).first->second > count;
      }
      if (!fits) continue;
      for (const auto& [axis, count] : lost) left[axis] -= count;
      out.push_back(&channel);
    }
  }
  return out;
}

void expect_equal_to_masked(const Graph& graph, uint32_t seed, bool must_prune = true) {
  const AxisGroups groups = find_axis_groups(graph);
  const auto set = random_set(graph, groups, seed);
  if (must_prune) {
    ASSERT_FALSE(set.empty());
  }
  const auto pruned = remove_channels(graph, set);
  ASSERT_TRUE(pruned.has_value()) << pruned.error().message;
  const Status valid = verify(*pruned);
  ASSERT_TRUE(valid.has_value()) << valid.error().message;
  const auto masked = mask_channels(graph, set);
  ASSERT_TRUE(masked.has_value());
  const auto inputs = test::random_inputs(graph, seed);
  const std::vector<float> expected = test::run(*masked, inputs), found = test::run(*pruned, inputs);
  double scale = 1e-3;
  for (float v : expected) scale = std::max(scale, std::abs(static_cast<double>(v)));
  EXPECT_LT(test::largest_difference(expected, found) / scale, 1e-5);
}

Graph random_graph(uint32_t seed) {
  RandomNet net(seed);
  TensorId x = net.conv(net.graph.inputs[0], 4 * net.pick(2, 4));
  for (int block = 0; block < 5; ++block) {
    const int64_t c = net.channels(x);
    switch (net.pick(0, 8)) {
      case 0: x = net.binary(BinaryKind::add, x, net.conv(net.conv(x, net.pick(3, 9)), c)); break;
      case 1: {
        Concat op;
        const TensorId a = net.conv(x, net.pick(2, 6), 1), b = net.conv(x, net.pick(2, 6));
        x = net.node(op, {a, b});
        break;
      }
      case 2: {
        const int64_t first = net.pick(1, c - 1);
        const TensorId a = net.slice(x, 0, first), b = net.slice(x, first, c - first);
        x = net.node(Concat{}, {b, net.conv(a, net.pick(2, 6))});
        break;
      }
      case 3: x = net.conv(net.depthwise(x, net.pick(1, 2)), net.pick(4, 10), 1); break;
      case 4: x = net.conv(net.conv(x, 8, 1), 12, 3, 4); break;
      case 5: x = net.squeeze_excite(x); break;
      case 6: x = net.binary(BinaryKind::mul, net.unary(UnaryKind::sigmoid, x), net.floats({c, 1, 1})); break;
      case 7: {  // a shortcut that pads channels
        const TensorId wide = net.pad_channels(x, 2, 1);
        x = net.binary(BinaryKind::add, wide, net.conv(x, c + 3));
        break;
      }
      default: {
        InstanceNorm op;
        x = net.node(op, {x, net.floats({c}), net.floats({c})});
      }
    }
  }
  x = net.pick(0, 1) == 0 ? net.linear(net.flatten(x), 10) : net.linear(net.flatten(net.mean(x)), 10);
  net.graph.outputs = {x};
  return std::move(net.graph);
}

TEST(AxisGroups, pruning_a_random_set_equals_the_masked_original) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = random_graph(seed);
    expect_equal_to_masked(graph, seed);
  }
}

TEST(AxisGroups, a_residual_stream_is_one_group_and_its_branch_another) {
  RandomNet net(1);
  const TensorId stream = net.conv(net.graph.inputs[0], 6);
  const TensorId sum = net.binary(BinaryKind::add, stream, net.conv(net.conv(stream, 5), 6));
  net.graph.outputs = {net.conv(sum, 2)};
  const AxisGroups groups = find_axis_groups(net.graph);
  ASSERT_EQ(groups.groups.size(), 2u);
  EXPECT_EQ(groups.groups[0].channels.size() + groups.groups[1].channels.size(), 11u);
  ASSERT_EQ(groups.frozen.size(), 1u);
  EXPECT_EQ(groups.frozen[0].channels, 2);
  EXPECT_EQ(groups.frozen[0].reason, "an output of the network");
}

TEST(AxisGroups, softmax_and_reductions_over_channels_freeze) {
  RandomNet net(1);
  const TensorId x = net.conv(net.graph.inputs[0], 6);
  Softmax softmax;
  softmax.axis = 1;
  net.graph.outputs = {net.conv(net.node(softmax, {x}), 2)};
  const AxisGroups groups = find_axis_groups(net.graph);
  EXPECT_TRUE(groups.groups.empty());
  ASSERT_EQ(groups.frozen.size(), 2u);
  EXPECT_EQ(groups.frozen[0].reason, "normalized by softmax");
}

TEST(AxisGroups, flattened_channels_are_runs_of_columns) {
  RandomNet net(3, 3, 4);
  const TensorId x = net.conv(net.graph.inputs[0], 6);
  net.graph.outputs = {net.linear(net.flatten(x), 2)};
  const AxisGroups groups = find_axis_groups(net.graph);
  ASSERT_EQ(groups.groups.size(), 1u);
  ASSERT_EQ(groups.groups[0].channels.size(), 6u);
  EXPECT_EQ(groups.groups[0].channels[0].positions.size(), 3 + 2 * 16u);  // rows, bias, output; flat axis, columns
}

TEST(AxisGroups, all_of_an_axis_cannot_be_removed) {
  const Graph graph = random_graph(1);
  const AxisGroups groups = find_axis_groups(graph);
  std::vector<const Channel*> all;
  for (const Group& group : groups.groups) {
    for (const Channel& channel : group.channels) all.push_back(&channel);
  }
  const auto pruned = remove_channels(graph, all);
  ASSERT_FALSE(pruned.has_value());
  EXPECT_NE(pruned.error().message.find("cannot be removed"), std::string::npos) << pruned.error().message;
}

class SharedNetwork : public testing::TestWithParam<const char*> {};

TEST_P(SharedNetwork, pruned_equals_masked) {
  const auto path = test::shared_data(std::string("models/") + GetParam() + ".onnx");
  if (!path) GTEST_SKIP() << "shared data not found";
  auto imported = onnx_import::import_file(path->string());
  ASSERT_TRUE(imported.has_value()) << imported.error().message;
  ASSERT_TRUE(imported->obstacles.empty()) << onnx_import::describe(imported->obstacles);
  ASSERT_TRUE(passes::run(imported->graph, {}).has_value());
  auto bound = bind_dims(imported->graph, {});
  ASSERT_TRUE(bound.has_value());
  expect_equal_to_masked(*bound, 7, false);
}

INSTANTIATE_TEST_SUITE_P(All, SharedNetwork,
                         testing::Values("mnist-8/mnist-8", "mobilenet_v2_1.0_224/mobilenet_v2_1.0_224",
                                         "squeezenet1_1/squeezenet1_1", "resnet20_cifar10/resnet20_cifar10",
                                         "vww_mobilenet_0.25/vww_mobilenet_0.25", "yolox_nano/yolox_nano",
                                         "ultraface-rfb-320/ultraface-rfb-320",
                                         "selfie_segmentation_landscape/selfie_segmentation_landscape",
                                         "subpixel_sr_x3/subpixel_sr_x3", "style_candy/style_candy",
                                         "deeplabv3_mnv2_dm05/deeplabv3_mnv2_dm05"));

}  // namespace
}  // namespace nibble::prune
