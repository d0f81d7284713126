// Rows of patches times rows of weights must be the layer's output.
#include "converter/statistics/patches.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

using namespace statistics;

struct Case {
  std::string name;
  Op op;
  Shape x;
  Shape weights;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class patches : public ::testing::TestWithParam<Case> {};

TEST_P(patches, times_weights_are_the_output) {
  const Case& c = GetParam();
  Graph graph;
  const TensorId x = add_input(graph, c.x);
  add_layer(graph, "layer", c.op, x, c.weights, 3);
  const Floats in = noise(static_cast<size_t>(elements(c.x).value()), 5);
  const std::vector<double> expected = run_one(graph, in);

  const auto reader = PatchReader::make(graph, graph.nodes[0]);
  ASSERT_TRUE(reader) << reader.error().message;
  std::vector<int64_t> positions = sampled_positions(reader->positions(), 1000, 1);
  ASSERT_EQ(static_cast<int64_t>(positions.size()), reader->positions());
  std::swap(positions.front(), positions.back());  // any order
  const auto n = static_cast<int64_t>(positions.size()), row = reader->row();
  Floats rows(static_cast<size_t>(reader->groups() * n * row), -77.0f);
  reader->gather(in, positions, rows.data());
  Floats outputs(static_cast<size_t>(n * reader->outputs()));
  const Floats real(expected.begin(), expected.end());
  reader->gather_outputs(real, positions, outputs.data());

  const auto w = graph.tensor(graph.nodes[0].inputs[1]).constant->as<float>();
  const auto b = graph.tensor(graph.nodes[0].inputs[2]).constant->as<float>();
  const int64_t per_group = reader->outputs() / reader->groups();
  for (int64_t p = 0; p < n; ++p) {
    for (int64_t o = 0; o < reader->outputs(); ++o) {
      double sum = static_cast<double>(b[static_cast<size_t>(o)]);
      const float* patch = rows.data() + (o / per_group * n + p) * row;
      for (int64_t i = 0; i < row; ++i)
        sum += static_cast<double>(patch[i]) * static_cast<double>(w[static_cast<size_t>(o * row + i)]);
      ASSERT_NEAR(sum, static_cast<double>(outputs[static_cast<size_t>(p * reader->outputs() + o)]), 1e-5)
          << "position " << positions[static_cast<size_t>(p)] << " output " << o;
    }
  }
}

Conv2d conv(int32_t stride, int32_t pad, int32_t dilation, int32_t groups) {
  return {stride, stride, dilation, dilation, pad, pad, pad, pad, groups, {}, {}};
}

ConvTranspose2d transpose(int32_t stride, int32_t pad, int32_t output_pad, int32_t groups) {
  return {stride, stride, 1, 1, pad, pad, pad, pad, output_pad, output_pad, groups, {}, {}};
}

INSTANTIATE_TEST_SUITE_P(
    layers, patches,
    ::testing::Values(Case{"conv3x3", conv(1, 1, 1, 1), {2, 3, 6, 5}, {4, 3, 3, 3}},
                      Case{"strided", conv(2, 1, 1, 1), {1, 3, 7, 8}, {4, 3, 3, 3}},
                      Case{"dilated", conv(1, 2, 2, 1), {1, 2, 7, 7}, {3, 2, 3, 3}},
                      Case{"wide", conv(1, 0, 1, 1), {1, 3, 5, 6}, {4, 3, 2, 3}},
                      Case{"depthwise", conv(1, 1, 1, 4), {2, 4, 5, 5}, {4, 1, 3, 3}},
                      Case{"multiplied", conv(2, 1, 1, 2), {1, 2, 5, 5}, {6, 1, 3, 3}},
                      Case{"grouped", conv(1, 1, 1, 2), {1, 6, 5, 5}, {4, 3, 3, 3}},
                      Case{"transposed", transpose(2, 1, 1, 1), {1, 3, 4, 5}, {2, 3, 3, 3}},
                      Case{"transposed_grouped", transpose(3, 0, 0, 2), {1, 4, 3, 3}, {4, 2, 2, 2}},
                      Case{"linear", Linear{}, {5, 7}, {3, 7}}, Case{"linear_3d", Linear{}, {2, 4, 7}, {3, 7}}),
    [](const auto& info) { return info.param.name; });

TEST(sampled_positions, are_distinct_ascending_and_repeatable) {
  const auto a = sampled_positions(1000, 64, 7), b = sampled_positions(1000, 64, 7), c = sampled_positions(1000, 64, 8);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  ASSERT_EQ(a.size(), 64u);
  EXPECT_TRUE(std::is_sorted(a.begin(), a.end()));
  EXPECT_EQ(std::adjacent_find(a.begin(), a.end()), a.end());
  EXPECT_GE(a.front(), 0);
  EXPECT_LT(a.back(), 1000);
  EXPECT_EQ(sampled_positions(5, 64, 7), (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace nibble::test
