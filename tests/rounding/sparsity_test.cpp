// Which weights go, and weights out of a codebook rounded by the same loops.
#include "converter/rounding/sparsity.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "converter/quantize/codebook.h"
#include "tests/rounding/random_layer.h"

namespace nibble::test {
namespace {

using namespace rounding;

// Elements of a row by block of four inputs at one position.
std::vector<std::vector<size_t>> blocks(int64_t inputs, int64_t kernel) {
  std::vector<std::vector<size_t>> out;
  for (int64_t position = 0; position < kernel; ++position) {
    for (int64_t first = 0; first < inputs; first += 4) {
      out.emplace_back();
      for (int64_t i = first; i < std::min(first + 4, inputs); ++i)
        out.back().push_back(static_cast<size_t>(i * kernel + position));
    }
  }
  return out;
}

quantization::RoundedLayer rounded(const RandomLayer& layer, SparsityPattern pattern, Method method = Method::cd) {
  LayerWeights weights = layer.layer;
  weights.sparsity = pattern;
  Options options;
  options.method = method;
  auto result = round_layer(weights, layer.moments, {}, options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? result->layer : quantization::RoundedLayer{};
}

TEST(Sparsity, two_of_four_leaves_two_of_every_block) {
  for (const int64_t inputs : {16, 18}) {
    const RandomLayer layer(6, inputs, 9, 1, 0, 800, 3);
    const auto q = rounded(layer, SparsityPattern::two_of_four).weights;
    for (int64_t o = 0; o < 6; ++o) {
      for (const auto& block : blocks(inputs, 9)) {
        const auto zeros = std::count_if(block.begin(), block.end(),
                                         [&](size_t j) { return q.values[static_cast<size_t>(o * q.row()) + j] == 0; });
        EXPECT_GE(zeros, static_cast<std::ptrdiff_t>(block.size() / 2));
      }
    }
  }
}

TEST(Sparsity, four_blocks_lose_half_of_a_row_in_whole_blocks) {
  const RandomLayer layer(5, 16, 4, 1, 32, 800, 6);
  const auto q = rounded(layer, SparsityPattern::half_blocks).weights;
  for (int64_t o = 0; o < 5; ++o) {
    int whole = 0;
    for (const auto& block : blocks(16, 4)) {
      whole += std::all_of(block.begin(), block.end(),
                           [&](size_t j) { return q.values[static_cast<size_t>(o * q.row()) + j] == 0; });
    }
    EXPECT_GE(whole, 8);
  }
}

// Magnitude: of each block the two smallest weights go, nothing makes up for them.
double magnitude_error(const RandomLayer& layer) {
  quantization::RoundedLayer cut{
      quantization::round_int8(layer.weights, layer.layer.outputs, layer.layer.inputs, layer.layer.kernel, {}),
      layer.layer.bias};
  const auto row = static_cast<size_t>(layer.moments.row());
  for (size_t o = 0; o < static_cast<size_t>(layer.layer.outputs); ++o) {
    for (auto block : blocks(layer.layer.inputs, layer.layer.kernel)) {
      std::ranges::stable_sort(block, {}, [&](size_t j) { return std::abs(layer.weights[o * row + j]); });
      for (size_t n = 0; n < block.size() / 2; ++n) cut.weights.values[o * row + block[n]] = 0;
    }
  }
  return layer.output_error(cut);
}

TEST(Sparsity, second_order_masks_lose_far_less_than_magnitude) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const RandomLayer layer(8, 16, 9, 1, 0, 2000, seed);
    const double error = layer.output_error(rounded(layer, SparsityPattern::two_of_four));
    EXPECT_LT(error, 0.5 * magnitude_error(layer));
    EXPECT_GT(error, layer.output_error(rounded(layer, SparsityPattern::dense)));
  }
}

// Inputs 1, 3, 5, ... repeat their neighbour: one of each pair can go for nothing.
TEST(Sparsity, finds_weights_that_others_stand_in_for) {
  RandomLayer layer(4, 16, 1, 1, 0, 600, 8);
  for (size_t r = 0; r < 600; ++r) {
    for (size_t i = 1; i < 16; i += 2) layer.x[r * 16 + i] = layer.x[r * 16 + i - 1];
  }
  layer.moments = statistics::make_layer_moments(16, 1, 1);
  layer.moments.count = 600;
  statistics::add_gram(layer.x.data(), 600, 16, layer.moments.gram.data(), 1);
  statistics::add_sum(layer.x.data(), 600, 16, layer.moments.sum.data());
  // Not for nothing at all: damping keeps even the same inputs a little apart.
  const double sparse = layer.output_error(rounded(layer, SparsityPattern::two_of_four));
  EXPECT_LT(sparse, 0.05 * magnitude_error(layer));
}

TEST(Sparsity, refuses_unknown_patterns) {
  EXPECT_EQ(parse_sparsity("2:4").value(), SparsityPattern::two_of_four);
  EXPECT_FALSE(parse_sparsity("3:4"));
}

TEST(CodebookRounding, loses_less_with_second_moments) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    const RandomLayer layer(16, 16, 9, 1, 0, 3000, seed);
    const quantization::QuantizedWeights shared = quantization::round_codebook(layer.weights, 16, 16, 9, 1, {});
    const double nearest = layer.output_error({shared, layer.layer.bias});
    LayerWeights weights = layer.layer;
    weights.shared = &shared;
    double before = nearest;
    for (const Method method : {Method::gptq, Method::cd}) {
      Options options;
      options.method = method;
      const auto result = round_layer(weights, layer.moments, {}, options);
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->layer.weights.codebook, shared.codebook);
      for (int8_t value : result->layer.weights.values)
        EXPECT_NE(std::ranges::find(shared.codebook, value), shared.codebook.end());
      const double error = layer.output_error(result->layer);
      EXPECT_LT(error, before * 1.01);
      before = error;
    }
    EXPECT_LT(before, 0.6 * nearest);
  }
}

}  // namespace
}  // namespace nibble::test
