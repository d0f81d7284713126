// Sums over samples: against plain loops, in parts, on several threads.
#include <gtest/gtest.h>

#include <limits>

#include "converter/execute/executor.h"
#include "converter/statistics/gather.h"
#include "converter/statistics/gram.h"
#include "converter/statistics/moments_collector.h"
#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

using namespace statistics;

TEST(gram, is_the_sum_of_outer_products_on_any_number_of_threads) {
  for (const int64_t k : {3, 40, 500}) {
    const int64_t n = 700;
    const Floats x = noise(static_cast<size_t>(n * k), 2);
    std::vector<double> triangle(static_cast<size_t>(triangle_size(k)), 0.0), two = triangle;
    std::vector<double> square(static_cast<size_t>(k * k), 0.0), row(static_cast<size_t>(k));
    add_gram(x.data(), n, k, triangle.data(), 1);
    add_gram(x.data(), n, k, two.data(), 2);
    add_square_gram(x.data(), n, k, square.data(), 2);
    EXPECT_EQ(triangle, two);
    const std::vector<double> one = symmetric_matrix(triangle.data(), k);
    for (int64_t i = 0; i < k; ++i) {
      read_symmetric_row(triangle.data(), k, i, row.data());
      for (int64_t j = 0; j < k; ++j) {
        EXPECT_EQ(row[static_cast<size_t>(j)], one[static_cast<size_t>(i * k + j)]);
        if (j <= i) {
          EXPECT_EQ(square[static_cast<size_t>(i * k + j)], one[static_cast<size_t>(i * k + j)]);
        }
      }
    }
    for (int64_t i = 0; i < k; i += 7) {
      for (int64_t j = 0; j < k; j += 5) {
        double sum = 0;
        for (int64_t p = 0; p < n; ++p)
          sum += static_cast<double>(x[static_cast<size_t>(p * k + i)]) *
                 static_cast<double>(x[static_cast<size_t>(p * k + j)]);
        ASSERT_NEAR(one[static_cast<size_t>(i * k + j)], sum, 1e-4);
      }
    }
  }
}

TEST(gram, cross_and_products_agree_with_plain_loops) {
  const int64_t n = 300, k = 50, o = 20;
  const Floats x = noise(static_cast<size_t>(n * k), 2), w = noise(static_cast<size_t>(o * k), 3);
  Floats y(static_cast<size_t>(n * o)), y2 = y;
  multiply_rows(x.data(), w.data(), n, o, k, y.data(), 1);
  multiply_rows(x.data(), w.data(), n, o, k, y2.data(), 2);
  EXPECT_EQ(y, y2);
  std::vector<double> cross(static_cast<size_t>(o * k), 0.0);
  add_cross(y.data(), x.data(), n, o, k, cross.data(), 2);
  for (int64_t a = 0; a < o; ++a) {
    for (int64_t b = 0; b < k; ++b) {
      double sum = 0;
      for (int64_t p = 0; p < n; ++p) {
        double value = 0;
        for (int64_t i = 0; i < k; ++i)
          value += static_cast<double>(x[static_cast<size_t>(p * k + i)]) *
                   static_cast<double>(w[static_cast<size_t>(a * k + i)]);
        sum += value * static_cast<double>(x[static_cast<size_t>(p * k + b)]);
      }
      ASSERT_NEAR(cross[static_cast<size_t>(a * k + b)], sum, 1e-3);
    }
  }
}

Graph two_layers() {
  Graph graph;
  const TensorId x = add_input(graph, {1, 4, 9, 9});
  Conv2d op{1, 1, 1, 1, 1, 1, 1, 1, 1, {UnaryKind::relu, 0, 0}, {}};
  const TensorId y = add_layer(graph, "first", op, x, {8, 4, 3, 3}, 1, 0.3f);
  op.groups = 8;
  add_layer(graph, "depthwise", op, y, {8, 1, 3, 3}, 2, 0.3f);
  return graph;
}

// Statistics of samples first..last-1 of a series.
LayerStatistics collect(const Graph& graph, uint64_t first, uint64_t last, int threads, ChannelStatistics* channels) {
  std::vector<TensorId> wanted;
  if (channels) wanted = {graph.nodes[0].outputs[0]};
  MomentsCollector collector(graph, moment_layers(graph), wanted, {.positions = 20, .threads = threads});
  EXPECT_TRUE(collector.bind(graph));
  auto executor = make_cpu_executor(graph).value();
  for (uint64_t s = first; s < last; ++s) {
    reference::FloatValue x = reference::make_value<float>(graph.desc(graph.inputs[0])).value();
    x.real = noise(x.real.size(), static_cast<uint32_t>(s + 1));
    collector.begin(s);
    EXPECT_TRUE(executor->run({x}, collector.observer()));
    EXPECT_TRUE(collector.end());
  }
  if (channels) *channels = collector.take_channels();
  return collector.take_layers();
}

TEST(moments, of_parts_add_up_to_one_run_and_do_not_depend_on_threads) {
  const Graph graph = two_layers();
  ChannelStatistics all_channels, channels, rest_channels;
  const LayerStatistics all = collect(graph, 0, 30, 1, &all_channels), threads = collect(graph, 0, 30, 2, nullptr);
  LayerStatistics parts = collect(graph, 0, 11, 1, &channels);
  const LayerStatistics rest = collect(graph, 11, 30, 2, &rest_channels);
  ASSERT_EQ(all.size(), 2u);
  for (auto& [node, moments] : parts) {
    ASSERT_TRUE(moments.merge(rest.at(node)));
    const LayerMoments& one = all.at(node);
    EXPECT_EQ(threads.at(node).gram, one.gram);
    EXPECT_EQ(one.count, 600u);
    EXPECT_EQ(one.samples, 30u);
    EXPECT_EQ(moments.count, one.count);
    EXPECT_EQ(moments.samples, one.samples);
    for (size_t i = 0; i < one.gram.size(); ++i) ASSERT_NEAR(moments.gram[i], one.gram[i], 1e-4);
    for (size_t i = 0; i < one.sum.size(); ++i) ASSERT_NEAR(moments.sum[i], one.sum[i], 1e-9);
  }
  const TensorId y = graph.nodes[0].outputs[0];
  ASSERT_TRUE(channels[y].merge(rest_channels[y]));
  EXPECT_EQ(channels[y].count, 30u * 81u);
  for (size_t c = 0; c < 8; ++c) {
    EXPECT_NEAR(channels[y].mean(c), all_channels[y].mean(c), 1e-9);
    EXPECT_NEAR(channels[y].variance(c), all_channels[y].variance(c), 1e-9);
    EXPECT_GT(channels[y].variance(c), 0.0);
  }
}

TEST(moments, of_other_layers_do_not_merge) {
  LayerMoments a = make_layer_moments(3, 9, 1);
  const Status status = a.merge(make_layer_moments(3, 1, 1));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("expected 3 inputs, 9 kernel"), std::string::npos) << status.error().message;
}

TEST(moments, name_the_tensor_that_holds_nan) {
  const Graph graph = two_layers();
  MomentsCollector collector(graph, moment_layers(graph), {}, {});
  ASSERT_TRUE(collector.bind(graph));
  Floats values(4 * 81, 1.0f);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  collector.begin(4);
  collector.observer()(graph.inputs[0], values);
  const Status status = collector.end();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("'x'"), std::string::npos);
  EXPECT_NE(status.error().message.find("sample 4"), std::string::npos);
}

TEST(moments, are_those_of_one_sample_after_the_other_where_samples_run_side_by_side) {
  const Graph graph = two_layers();
  SampleFeed feed;
  feed.count = 11;
  feed.dims = [](size_t) -> Result<DimBindings> { return DimBindings{}; };
  feed.inputs = [](const Graph& bound, size_t i) -> Result<std::vector<reference::FloatValue>> {
    reference::FloatValue x = reference::make_value<float>(bound.desc(bound.inputs[0])).value();
    x.real = noise(x.real.size(), static_cast<uint32_t>(i + 1));
    if (i == 7) x.real[3] = std::numeric_limits<float>::infinity();
    return std::vector{x};
  };
  const auto sums = [&](int threads, size_t count) {
    feed.count = count;
    return gather(graph, moment_layers(graph), {}, feed, 100, {.positions = 20, .threads = threads}, {});
  };
  size_t done = 0;
  feed.count = 7;
  const auto one = gather(graph, moment_layers(graph), {}, feed, 100, {.positions = 20, .threads = 1}, [&] { ++done; });
  ASSERT_TRUE(one);
  EXPECT_EQ(done, 7u);
  for (const int threads : {2, 3}) {
    const auto several = sums(threads, 7);
    ASSERT_TRUE(several);
    for (const auto& [node, moments] : one->layers) {
      EXPECT_EQ(several->layers.at(node).gram, moments.gram) << threads;
      EXPECT_EQ(several->layers.at(node).sum, moments.sum) << threads;
      EXPECT_EQ(several->layers.at(node).count, moments.count) << threads;
    }
  }
  for (const int threads : {1, 2, 3}) {
    const auto bad = sums(threads, 11);
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message.find("sample 107"), std::string::npos) << bad.error().message;
  }
}

TEST(moments, are_collected_in_stages_of_bounded_size) {
  const Graph graph = two_layers();
  const std::vector<NodeId> layers = moment_layers(graph);
  EXPECT_EQ(moment_stages(graph, layers, size_t{1} << 30).size(), 1u);
  EXPECT_EQ(moment_stages(graph, layers, 1).size(), 2u);
  EXPECT_EQ(moment_bytes(graph, graph.nodes[0]), size_t{(36 * 37 / 2 + 36) * 8});
  EXPECT_EQ(moment_bytes(graph, graph.nodes[1]), size_t{8 * (9 * 10 / 2 + 9) * 8});
}

}  // namespace
}  // namespace nibble::test
