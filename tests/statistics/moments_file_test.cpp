// Statistics on disk: round trip, adding up, damage.
#include "converter/statistics/moments_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

using namespace statistics;

MomentsFile part(uint64_t first, uint64_t last) {
  MomentsFile out{"abcd", 64, "{}", {{first, last}}, {}};
  LayerMoments m = make_layer_moments(3, 4, 2);
  const Floats values = noise(12 * 13, static_cast<uint32_t>(first + 1));
  for (int64_t g = 0; g < 2; ++g) {
    for (int64_t i = 0; i < 12; ++i) {
      m.sum[static_cast<size_t>(g * 12 + i)] = static_cast<double>(values[static_cast<size_t>(i)]);
      for (int64_t j = 0; j <= i; ++j) {
        const auto v = static_cast<double>(values[static_cast<size_t>(12 + i * 12 + j)]);
        m.gram[static_cast<size_t>((g * 12 + i) * 12 + j)] = m.gram[static_cast<size_t>((g * 12 + j) * 12 + i)] = v;
      }
    }
  }
  m.count = 64 * (last - first);
  m.samples = last - first;
  out.layers["conv"] = m;
  return out;
}

std::string path_of(const char* name) { return (std::filesystem::path(::testing::TempDir()) / name).string(); }

TEST(moments_file, reads_what_it_wrote) {
  const std::string path = path_of("moments_round_trip.stats");
  const MomentsFile file = part(5, 9);
  ASSERT_TRUE(write_moments(file, path));
  const auto back = read_moments(path);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->network, file.network);
  EXPECT_EQ(back->preprocessing, file.preprocessing);
  EXPECT_EQ(back->positions, file.positions);
  EXPECT_EQ(back->samples, file.samples);
  EXPECT_EQ(back->layers.at("conv").gram, file.layers.at("conv").gram);
  EXPECT_EQ(back->layers.at("conv").sum, file.layers.at("conv").sum);
  EXPECT_EQ(back->layers.at("conv").count, 256u);
  std::filesystem::remove(path);
}

TEST(moments_file, keeps_squares_of_rows_without_pairs) {
  const std::string path = path_of("moments_long.stats");
  MomentsFile file = part(0, 2);
  LayerMoments& m = file.layers["wide"] = make_layer_moments(kLongestRowWithPairs + 1, 1, 1);
  const Floats values = noise(static_cast<size_t>(m.row()), 5);
  add_rows(m, 0, values.data(), 1, 1);
  complete(m);
  ASSERT_EQ(m.gram.size(), values.size());
  ASSERT_TRUE(write_moments(file, path));
  const auto back = read_moments(path);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->layers.at("wide").gram, m.gram);
  EXPECT_EQ(back->layers.at("wide").sum, m.sum);
  EXPECT_EQ(back->layers.at("conv").gram, file.layers.at("conv").gram);
  EXPECT_EQ(m.square(0, 3), static_cast<double>(values[3]) * static_cast<double>(values[3]));
  std::filesystem::remove(path);
}

TEST(moments_file, says_what_is_damaged) {
  const std::string path = path_of("moments_damaged.stats");
  ASSERT_TRUE(write_moments(part(0, 2), path));
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  in.close();
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    std::ofstream(path, std::ios::binary) << bad;
    EXPECT_FALSE(read_moments(path)) << "byte " << at;
    std::ofstream(path, std::ios::binary) << good.substr(0, at + 1);
    EXPECT_FALSE(read_moments(path)) << "cut at " << at;
  }
  std::filesystem::remove(path);
}

TEST(moments_file, adds_up_in_any_order_and_knows_its_samples) {
  MomentsFile all;
  ASSERT_TRUE(merge(all, part(10, 20)));
  ASSERT_TRUE(merge(all, part(0, 5)));
  EXPECT_EQ(all.first_missing(0), 5u);
  EXPECT_EQ(all.first_missing(10), 20u);
  ASSERT_TRUE(merge(all, part(5, 10)));
  EXPECT_EQ(all.samples, (std::vector<std::pair<uint64_t, uint64_t>>{{0, 20}}));
  EXPECT_EQ(all.sample_count(), 20u);
  EXPECT_EQ(all.layers.at("conv").samples, 20u);
  const double expected = part(0, 5).layers.at("conv").gram[7] + part(5, 10).layers.at("conv").gram[7] +
                          part(10, 20).layers.at("conv").gram[7];
  EXPECT_NEAR(all.layers.at("conv").gram[7], expected, 1e-12);
}

TEST(moments_file, does_not_add_up_what_does_not_belong_together) {
  MomentsFile other = part(3, 7);
  MomentsFile file = part(0, 5);
  EXPECT_FALSE(merge(file, other));  // samples 3 and 4 twice
  EXPECT_EQ(file.sample_count(), 5u);
  other = part(5, 7);
  other.network = "other";
  const Status status = merge(file, other);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("networks differ"), std::string::npos) << status.error().message;
  other = part(5, 7);
  other.layers["more"] = other.layers["conv"];
  EXPECT_FALSE(merge(file, other));
}

TEST(moments_file, belongs_to_one_network) {
  Graph graph;
  const TensorId x = add_input(graph, {1, 3});
  add_layer(graph, "layer", Linear{}, x, {2, 3}, 1);
  MomentsFile file{fingerprint(graph), 64, "", {{0, 1}}, {}};
  file.layers["layer"] = make_layer_moments(3, 1, 1);
  const auto layers = layers_of(file, graph);
  ASSERT_TRUE(layers);
  EXPECT_TRUE(layers->contains(0));
  Graph changed;
  add_layer(changed, "layer", Linear{}, add_input(changed, {1, 3}), {2, 3}, 2);
  EXPECT_FALSE(layers_of(file, changed));
}

}  // namespace
}  // namespace nibble::test
