// Weights that share few values: learned codebooks, ternary and sign weights.
#include "converter/quantize/codebook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using namespace quantization;

std::vector<float> gauss(size_t count, uint32_t seed, double spread = 0.05) {
  std::mt19937 random(seed);
  std::vector<float> out(count);
  for (float& v : out) {  // a sum of uniform numbers, the same with every library
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) / 4294967296.0;
    v = static_cast<float>(sum * spread);
  }
  return out;
}

double weighted_error(const std::vector<float>& w, const QuantizedWeights& q, Importance importance = {}) {
  const std::vector<float> back = dequantize(q);
  double error = 0.0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double e = static_cast<double>(w[i]) - static_cast<double>(back[i]);
    error += e * e * (importance.empty() ? 1.0 : importance[i % static_cast<size_t>(q.row())]);
  }
  return error;
}

double power(const std::vector<float>& w) {
  double sum = 0.0;
  for (float v : w) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

TEST(Codebook, comes_near_the_best_sixteen_levels_of_a_gaussian) {
  const std::vector<float> w = gauss(64 * 288, 3);
  const QuantizedWeights q = round_codebook(w, 64, 32, 9, 1, {});
  ASSERT_EQ(q.codebook.size(), 16u);
  EXPECT_TRUE(std::is_sorted(q.codebook.begin(), q.codebook.end()));
  for (int8_t value : q.values) EXPECT_NE(std::find(q.codebook.begin(), q.codebook.end(), value), q.codebook.end());
  // Max (1960): 20.22 dB for 16 levels. Sums of twelve uniform numbers have lighter tails.
  const double decibels = 10.0 * std::log10(power(w) / weighted_error(w, q));
  EXPECT_GT(decibels, 20.0);
  EXPECT_LT(decibels, 21.5);
  EXPECT_LT(weighted_error(w, q), weighted_error(w, round_int4(w, 64, 32, 9, 128)));
}

TEST(Codebook, finds_sixteen_values_that_are_there) {
  std::mt19937 random(5);
  std::vector<float> levels;
  for (int k = 0; k < 16; ++k) levels.push_back(static_cast<float>(8 * k - 65) / 127.0f);
  std::vector<float> w(32 * 128);
  for (float& v : w) v = levels[random() % 16];
  const QuantizedWeights q = round_codebook(w, 32, 128, 1, 1, {});
  // Scales begin apart by what 128 random weights differ in, and settle near the best.
  EXPECT_LT(weighted_error(w, q) / power(w), 5e-3);
}

TEST(Codebook, spends_its_entries_where_errors_cost) {
  const std::vector<float> w = gauss(32 * 64, 9);
  std::vector<double> importance(64, 0.01);
  // The first inputs matter and their weights are small.
  std::vector<float> mixed = w;
  for (size_t i = 0; i < mixed.size(); ++i) {
    if (i % 64 < 16) {
      mixed[i] *= 0.2f;
      importance[i % 64] = 4.0;
    }
  }
  const QuantizedWeights weighted = round_codebook(mixed, 32, 64, 1, 1, importance),
                         plain = round_codebook(mixed, 32, 64, 1, 1, {});
  EXPECT_LT(weighted_error(mixed, weighted, importance), 0.5 * weighted_error(mixed, plain, importance));
}

TEST(Codebook, keeps_zeros_and_takes_any_shape) {
  std::vector<float> w = gauss(8 * 12 * 9, 1);
  for (size_t i = 0; i < w.size(); i += 2) w[i] = 0.0f;
  const QuantizedWeights q = round_codebook(w, 8, 12, 9, 2, {});
  for (size_t i = 0; i < w.size(); i += 2) EXPECT_EQ(q.values[i], 0);
  for (const std::vector<float>& flat : {std::vector<float>(16, 0.0f), std::vector<float>(16, -3.0f)}) {
    const QuantizedWeights same = round_codebook(flat, 4, 4, 1, 1, {});
    EXPECT_NEAR(weighted_error(flat, same), 0.0, 1e-6);
    ASSERT_EQ(same.codebook.size(), 16u);
  }
  EXPECT_EQ(round_codebook(w, 8, 12, 9, 1, {}).values, round_codebook(w, 8, 12, 9, 1, {}).values);
}

// By trying every number of weights that are kept.
double best_ternary_error(const std::vector<double>& magnitudes) {
  std::vector<double> sorted = magnitudes;
  std::sort(sorted.rbegin(), sorted.rend());
  double all = 0.0, best = 0.0, sum = 0.0;
  for (double m : sorted) all += m * m;
  for (size_t n = 0; n < sorted.size(); ++n) {
    sum += sorted[n];
    best = std::max(best, sum * sum / static_cast<double>(n + 1));
  }
  return all - best;
}

TEST(Ternary, is_the_best_there_is) {
  const std::vector<float> w = gauss(100, 4);
  const QuantizedWeights q = round_ternary(w, 1, 100, 1, 1, {});
  std::vector<double> magnitudes;
  for (float v : w) magnitudes.push_back(std::abs(static_cast<double>(v)));
  EXPECT_NEAR(weighted_error(w, q), best_ternary_error(magnitudes), 1e-6);
  EXPECT_EQ(std::set<int8_t>(q.values.begin(), q.values.end()), (std::set<int8_t>{-1, 0, 1}));
}

TEST(Sign, has_the_mean_magnitude_as_its_scale) {
  const std::vector<float> w{1.0f, -3.0f, 2.0f, -2.0f, 0.5f, 0.5f, -0.5f, 0.5f};
  const QuantizedWeights q = round_sign(w, 2, 4, 1, 1, {});
  EXPECT_EQ(q.values, (std::vector<int8_t>{1, -1, 1, -1, 1, 1, -1, 1}));
  EXPECT_FLOAT_EQ(q.scales[0], 2.0f);
  EXPECT_FLOAT_EQ(q.scales[1], 0.5f);
}

}  // namespace
}  // namespace nibble::test
