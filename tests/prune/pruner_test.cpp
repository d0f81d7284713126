// Importance, compensation, and the choice of channels.
#include "converter/prune/pruner.h"

#include <gtest/gtest.h>

#include "converter/prune/group_moments.h"
#include "converter/prune/redundant_channels.h"
#include "converter/prune/split_activations.h"
#include "prune/random_net.h"

namespace nibble::prune {
namespace {

using test::random_samples;
using test::RandomNet;

std::vector<float> floats_of(const Graph& graph, TensorId id) {
  const auto values = graph.tensor(id).constant->as<float>();
  return {values.begin(), values.end()};
}

// Row `to` of a layer becomes sum of factor * row, and the bias likewise plus `offset`.
void combine_rows(Graph& graph, size_t n, size_t to, const std::vector<std::pair<size_t, float>>& rows, float offset) {
  const Node& node = graph.nodes[n];
  std::vector<float> w = floats_of(graph, node.inputs[1]), b = floats_of(graph, node.inputs[2]);
  const size_t per_row = w.size() / b.size();
  b[to] = offset;
  std::fill_n(w.begin() + static_cast<std::ptrdiff_t>(to * per_row), per_row, 0.0f);
  for (const auto& [from, factor] : rows) {
    b[to] += factor * b[from];
    for (size_t i = 0; i < per_row; ++i) w[to * per_row + i] += factor * w[from * per_row + i];
  }
  graph.tensor(node.inputs[1]).constant = ConstantData::of(w);
  graph.tensor(node.inputs[2]).constant = ConstantData::of(b);
}

void expect_redundant(const Graph& graph, int64_t count) {
  const auto split = split_activations(graph);
  ASSERT_TRUE(split.has_value());
  const auto found = remove_redundant_channels(*split, random_samples(24));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->removed, count);
  const auto inputs = test::random_inputs(graph, 5);  // not among the samples
  const std::vector<float> expected = test::run(graph, inputs), got = test::run(found->graph, inputs);
  double largest = 0.0;
  for (float v : expected) largest = std::max(largest, std::abs(static_cast<double>(v)));
  EXPECT_LT(test::largest_difference(expected, got) / largest, 1e-5);
}

TEST(RedundantChannels, a_duplicate_goes_even_beside_padding) {
  RandomNet net(4);
  const TensorId x = net.conv(net.conv(net.graph.inputs[0], 8), 12, 3);
  net.graph.outputs = {net.conv(x, 3, 3, 1, UnaryKind::identity)};
  combine_rows(net.graph, 1, 5, {{2, 1.0f}}, 0.0f);
  combine_rows(net.graph, 1, 9, {{2, 1.0f}}, 0.0f);
  expect_redundant(net.graph, 2);
}

TEST(RedundantChannels, an_affine_combination_goes_where_nothing_is_padded) {
  RandomNet net(5);
  const TensorId x = net.conv(net.graph.inputs[0], 10, 3, 1, UnaryKind::identity);
  net.graph.outputs = {net.conv(x, 3, 1, 1, UnaryKind::identity)};
  combine_rows(net.graph, 0, 7, {{1, 0.5f}, {3, -0.3f}}, 0.7f);
  expect_redundant(net.graph, 1);
}

TEST(RedundantChannels, an_offset_beside_padding_stays) {
  RandomNet net(5);
  const TensorId x = net.conv(net.graph.inputs[0], 6, 3, 1, UnaryKind::identity);
  net.graph.outputs = {net.conv(x, 3, 3, 1, UnaryKind::identity)};
  combine_rows(net.graph, 0, 4, {{1, 1.0f}}, 0.7f);
  expect_redundant(net.graph, 0);
}

TEST(RedundantChannels, a_channel_with_something_of_its_own_stays) {
  RandomNet net(6);
  const TensorId x = net.conv(net.graph.inputs[0], 10);
  net.graph.outputs = {net.conv(x, 3, 1, 1, UnaryKind::identity)};
  expect_redundant(net.graph, 0);
}

TEST(RedundantChannels, rows_that_are_fewer_than_channels_prove_nothing) {
  RandomNet net(7);
  const TensorId x = net.conv(net.graph.inputs[0], 40);
  net.graph.outputs = {net.linear(net.flatten(net.mean(x)), 5)};  // 24 samples, a row each
  expect_redundant(net.graph, 0);
}

TEST(RedundantChannels, the_same_steps_give_the_same_bytes_and_others_are_refused) {
  RandomNet net(4);
  const TensorId x = net.conv(net.conv(net.graph.inputs[0], 8), 12, 3);
  net.graph.outputs = {net.conv(x, 3, 3, 1, UnaryKind::identity)};
  combine_rows(net.graph, 1, 5, {{2, 1.0f}}, 0.0f);
  combine_rows(net.graph, 1, 9, {{0, 0.5f}}, 0.0f);
  const Graph split = split_activations(net.graph).value();
  const auto found = remove_redundant_channels(split, random_samples(24));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  ASSERT_EQ(found->steps.size(), 1u);
  EXPECT_EQ(found->steps[0].keep.size(), 10u);
  const auto again = repeat_redundant_channels(split, random_samples(24), found->steps);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->removed, 2);
  for (const Node& node : found->graph.nodes) {
    const Node& other = again->graph.nodes[static_cast<size_t>(&node - found->graph.nodes.data())];
    for (size_t slot : {size_t{1}, size_t{2}}) {
      if (slot < node.inputs.size()) {
        EXPECT_EQ(floats_of(found->graph, node.inputs[slot]), floats_of(again->graph, other.inputs[slot]));
      }
    }
  }
  std::vector<KeptChannels> wrong = found->steps;
  wrong[0].keep = {0, 1, 2};
  const auto refused = repeat_redundant_channels(split, random_samples(24), wrong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find(wrong[0].group), std::string::npos) << refused.error().message;
  wrong[0].group = "nothing";
  EXPECT_FALSE(repeat_redundant_channels(split, random_samples(24), wrong).has_value());
}

Graph three_layers(uint32_t seed) {
  RandomNet net(seed);
  TensorId x = net.conv(net.graph.inputs[0], 16);
  x = net.binary(BinaryKind::add, x, net.conv(net.conv(x, 24), 16, 3, 1, UnaryKind::identity));
  x = net.conv(net.conv(net.depthwise(net.conv(x, 32, 1)), 16, 1), 20);
  net.graph.outputs = {net.linear(net.flatten(net.mean(x)), 10)};
  return std::move(net.graph);
}

TEST(GroupMoments, are_the_same_in_one_lot_and_in_many) {
  RandomNet net(8);
  TensorId x = net.conv(net.graph.inputs[0], 8);
  for (const int64_t channels : {12, 8, 12}) x = net.conv(x, channels, 3);
  net.graph.outputs = {net.conv(x, 6, 1, 1, UnaryKind::identity)};
  const auto graph = split_activations(net.graph);
  ASSERT_TRUE(graph.has_value());
  const AxisGroups groups = find_axis_groups(*graph);
  ASSERT_EQ(groups.groups.size(), 4u);
  const auto gathered = [&](size_t bytes) {
    std::vector<Moments> out;
    const Status status = for_each_group(
        *graph, groups.groups, random_samples(8),
        [&](size_t g, const Moments& moments) -> Status {
          EXPECT_EQ(g, out.size());
          out.push_back(moments);
          return {};
        },
        bytes);
    EXPECT_TRUE(status.has_value());
    return out;
  };
  const std::vector<Moments> all = gathered(size_t{1} << 30), each = gathered(1);
  ASSERT_EQ(all.size(), 4u);
  ASSERT_EQ(each.size(), 4u);
  EXPECT_EQ(all[0].size(), 4u);  // of every group's reader
  for (const Moments& own : each) {
    ASSERT_EQ(own.size(), 1u);
    const auto& [node, moments] = *own.begin();
    EXPECT_EQ(moments.gram, all[0].at(node).gram);
    EXPECT_EQ(moments.sum, all[0].at(node).sum);
  }
}

// The loss that block-OBS predicts for the first channel is the error that the closed form leaves.
TEST(Importance, predicted_loss_is_the_loss_after_compensation) {
  RandomNet net(8);
  const TensorId x = net.conv(net.graph.inputs[0], 8);
  net.graph.outputs = {net.conv(x, 6, 1, 1, UnaryKind::identity)};
  const auto graph = split_activations(net.graph);
  ASSERT_TRUE(graph.has_value());
  const SampleInputs samples = random_samples(32);
  const auto pruner = Pruner::make(net.graph, samples, {});
  ASSERT_TRUE(pruner.has_value()) << pruner.error().message;
  statistics::MomentsCollector collector(*graph, statistics::moment_layers(*graph), {}, {.positions = 1000});
  ASSERT_TRUE(collector.bind(*graph).has_value());
  auto executor = make_cpu_executor(*graph);
  for (size_t i = 0; i < samples.count; ++i) {
    collector.begin(i);
    ASSERT_TRUE((*executor)->run(*samples.inputs(*graph, i), collector.observer()).has_value());
    ASSERT_TRUE(collector.end().has_value());
  }
  const Moments moments = collector.take_layers();
  const AxisGroups groups = find_axis_groups(*graph);
  ASSERT_EQ(groups.groups.size(), 1u);
  const RemovalOrder order = removal_order(*graph, groups.groups[0], moments, Metric::obs);
  ASSERT_EQ(order.order.size(), 7u);
  for (size_t k = 1; k < order.loss.size(); ++k) EXPECT_GE(order.loss[k], order.loss[k - 1]);
  const auto pruned = prune_with_moments(*graph, {&groups.groups[0].channels[order.order[0]]}, moments);
  ASSERT_TRUE(pruned.has_value());
  double error = 0.0, mean = 0.0, squares = 0.0, count = 0.0;
  for (size_t i = 0; i < samples.count; ++i) {
    const auto a = test::run(*graph, *samples.inputs(*graph, i)),
               b = test::run(pruned->graph, *samples.inputs(*graph, i));
    for (size_t c = 0; c < 6; ++c) {
      mean = squares = count = 0.0;
      for (size_t k = 0; k < 64; ++k) {
        const auto v = static_cast<double>(a[c * 64 + k]), d = v - static_cast<double>(b[c * 64 + k]);
        error += d * d;
        mean += v, squares += v * v, ++count;
      }
    }
  }
  // The variance over all samples, as the loss is relative to it.
  double variance = 0.0;
  for (size_t c = 0; c < 6; ++c) {
    mean = squares = count = 0.0;
    for (size_t i = 0; i < samples.count; ++i) {
      const auto a = test::run(*graph, *samples.inputs(*graph, i));
      for (size_t k = 0; k < 64; ++k) {
        const auto v = static_cast<double>(a[c * 64 + k]);
        mean += v, squares += v * v, ++count;
      }
    }
    variance += squares - mean * mean / count;
  }
  EXPECT_NEAR(error / variance, order.loss[1], 0.1 * order.loss[1] + 2e-3);
}

TEST(Pruner, meets_the_bound_with_whole_blocks_of_four_and_better_than_magnitude) {
  const Graph graph = three_layers(11);
  const SampleInputs samples = random_samples(32);
  PruneReport obs, magnitude;
  const auto pruned = prune_to_macs(graph, samples, 0.7, {}, obs);
  ASSERT_TRUE(pruned.has_value()) << pruned.error().message;
  EXPECT_TRUE(verify(*pruned).has_value());
  EXPECT_LE(obs.macs_after, static_cast<uint64_t>(0.7 * static_cast<double>(obs.macs_before)));
  EXPECT_GE(obs.macs_after, static_cast<uint64_t>(0.5 * static_cast<double>(obs.macs_before)));
  for (const KeptChannels& kept : obs.kept) {
    EXPECT_TRUE(static_cast<int64_t>(kept.keep.size()) == kept.channels || kept.keep.size() % 4 == 0) << kept.group;
  }
  const auto other = prune_to_macs(graph, samples, 0.7, {.metric = Metric::magnitude, .compensate = false}, magnitude);
  ASSERT_TRUE(other.has_value());
  EXPECT_LT(obs.divergence, 0.7 * magnitude.divergence);
}

TEST(Pruner, says_how_far_it_is) {
  std::map<std::string, std::pair<size_t, size_t>> told;
  PruneOptions options;
  options.watch = [&](const std::string& task, size_t done, size_t total) {
    EXPECT_LE(done, total) << task;
    told[task] = {done, total};
  };
  PruneReport report;
  ASSERT_TRUE(prune_to_macs(three_layers(5), random_samples(24), 0.8, options, report).has_value());
  EXPECT_GE(told.size(), 2u);  // the choice and the fit
  for (const auto& [task, at] : told) EXPECT_EQ(at.first, at.second) << task;
}

TEST(Pruner, takes_no_more_than_the_bound_asks_for) {
  const Graph graph = three_layers(15);
  const SampleInputs samples = random_samples(24);
  const auto pruner = Pruner::make(graph, samples, {});
  ASSERT_TRUE(pruner.has_value());
  for (double share : {0.9, 0.75, 0.6}) {
    const auto target = static_cast<uint64_t>(share * static_cast<double>((*pruner)->macs()));
    const auto keep = (*pruner)->choose(target);
    ASSERT_TRUE(keep.has_value()) << keep.error().message;
    EXPECT_LE((*pruner)->macs(*keep), target);
    const auto choices = (*pruner)->choices();
    ASSERT_TRUE(choices.has_value());
    for (size_t g = 0; g < keep->size(); ++g) {
      const GroupChoices& choice = (**choices)[g];
      const auto at = std::find(choice.keep.begin(), choice.keep.end(), (*keep)[g]) - choice.keep.begin();
      for (std::ptrdiff_t l = 0; l < at; ++l) {
        std::vector<int64_t> more = *keep;
        more[g] = choice.keep[static_cast<size_t>(l)];
        if (choice.loss[static_cast<size_t>(l)] < choice.loss[static_cast<size_t>(at)]) {
          EXPECT_GT((*pruner)->macs(more), target) << choice.name;
        }
      }
    }
  }
}

TEST(Pruner, features_stay_whole_where_samples_are_fewer_than_classes) {
  const Graph graph = three_layers(16);  // 10 classes of 20 features
  for (size_t count : {size_t{6}, size_t{30}}) {
    PruneReport report;
    ASSERT_TRUE(prune_to_macs(graph, random_samples(count), 0.7, {}, report).has_value());
    const bool named = std::any_of(report.frozen.begin(), report.frozen.end(), [](const Frozen& f) {
      return f.channels == 20 && f.reason.find("6 samples cannot show") != std::string::npos;
    });
    EXPECT_EQ(named, count < 10);
    for (const KeptChannels& kept : report.kept) {
      if (kept.channels == 20 && count < 10) {
        EXPECT_EQ(kept.keep.size(), 20u);
      }
    }
  }
}

TEST(SampleInputs, variations_stay_on_the_side_of_their_picture) {
  SampleInputs samples = random_samples(9);
  samples.given = 5;
  EXPECT_EQ(samples.source(4), 4u);
  EXPECT_EQ(samples.source(5), 0u);
  EXPECT_EQ(samples.source(8), 3u);
  EXPECT_EQ(random_samples(9).source(8), 8u);
}

TEST(Pruner, same_samples_same_bytes_and_a_report_repeats_them) {
  const Graph graph = three_layers(12);
  PruneReport report, repeated;
  const auto a = prune_to_macs(graph, random_samples(16), 0.8, {}, report);
  const auto pruner = Pruner::make(graph, random_samples(16), {});
  ASSERT_TRUE(a.has_value() && pruner.has_value());
  const auto b = (*pruner)->repeat(report.kept, repeated);
  ASSERT_TRUE(b.has_value()) << b.error().message;
  EXPECT_EQ(report.divergence, repeated.divergence);
  ASSERT_EQ(a->tensors.size(), b->tensors.size());
  for (size_t t = 0; t < a->tensors.size(); ++t) {
    if (!a->tensors[t].is_constant()) continue;
    EXPECT_TRUE(std::ranges::equal(a->tensors[t].constant->bytes, b->tensors[t].constant->bytes));
  }
}

TEST(Pruner, a_report_of_another_network_is_refused) {
  PruneReport report;
  ASSERT_TRUE(prune_to_macs(three_layers(12), random_samples(8), 0.8, {}, report).has_value());
  report.kept[1].keep.push_back(1000);
  const auto pruner = Pruner::make(three_layers(12), random_samples(8), {});
  ASSERT_TRUE(pruner.has_value());
  const auto refused = (*pruner)->repeat(report.kept, report);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("channels of"), std::string::npos);
}

TEST(Pruner, a_bound_that_cannot_be_met_is_an_error_with_both_numbers) {
  PruneReport report;
  const auto pruned = prune_to_macs(three_layers(13), random_samples(4), 0.01, {}, report);
  ASSERT_FALSE(pruned.has_value());
  EXPECT_NE(pruned.error().message.find("multiply-adds were asked for"), std::string::npos) << pruned.error().message;
  EXPECT_FALSE(prune_to_macs(three_layers(13), random_samples(1), 0.9, {}, report).has_value());
}

}  // namespace
}  // namespace nibble::prune
