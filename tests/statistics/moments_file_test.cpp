// Statistics on disk: round trip, adding up, damage.
#include "converter/statistics/moments_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "converter/statistics/gram.h"
#include "core/try.h"
#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

using namespace statistics;

// What a file holds.
struct Moments {
  MomentsOrigin origin;
  std::map<std::string, LayerMoments> layers;
};

Moments part(uint64_t first, uint64_t last) {
  Moments out{{"abcd", 64, "{}", {{first, last}}}, {}};
  LayerMoments m = make_layer_moments(3, 4, 2);
  const Floats values = noise(12 * 13, static_cast<uint32_t>(first + 1));
  for (int64_t g = 0; g < 2; ++g) {
    for (int64_t i = 0; i < 12; ++i) {
      m.sum[static_cast<size_t>(g * 12 + i)] = static_cast<double>(values[static_cast<size_t>(i)]);
      for (int64_t j = 0; j <= i; ++j) {
        const auto v = static_cast<double>(values[static_cast<size_t>(12 + i * 12 + j)]);
        m.gram[static_cast<size_t>(g * triangle_size(12) + triangle_row(i) + j)] = v;
      }
    }
  }
  m.count = 64 * (last - first);
  m.samples = last - first;
  out.layers["conv"] = m;
  return out;
}

std::string path_of(const char* name) { return (std::filesystem::path(::testing::TempDir()) / name).string(); }

Status write(const Moments& moments, const std::string& path) {
  NBL_TRY(MomentsWriter writer, MomentsWriter::create(path, moments.origin, moments.layers.size()));
  for (const auto& [name, layer] : moments.layers) NBL_CHECK(writer.add(name, layer));
  return writer.finish();
}

// All of a file, with what is wrong with it.
Result<Moments> read(const std::string& path) {
  NBL_TRY(const MomentsFile file, MomentsFile::open(path));
  Moments out{file.origin(), {}};
  for (const std::string& name : file.layers()) {
    NBL_TRY(out.layers[name], file.layer(name));
  }
  return out;
}

TEST(moments_file, reads_what_it_wrote) {
  const std::string path = path_of("moments_round_trip.stats");
  const Moments file = part(5, 9);
  ASSERT_TRUE(write(file, path));
  const auto back = read(path);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->origin.network, file.origin.network);
  EXPECT_EQ(back->origin.preprocessing, file.origin.preprocessing);
  EXPECT_EQ(back->origin.positions, file.origin.positions);
  EXPECT_EQ(back->origin.samples, file.origin.samples);
  EXPECT_EQ(back->layers.at("conv").gram, file.layers.at("conv").gram);
  EXPECT_EQ(back->layers.at("conv").sum, file.layers.at("conv").sum);
  EXPECT_EQ(back->layers.at("conv").count, 256u);
  std::filesystem::remove(path);
}

TEST(moments_file, keeps_squares_of_rows_without_pairs) {
  const std::string path = path_of("moments_long.stats");
  Moments file = part(0, 2);
  LayerMoments& m = file.layers["wide"] = make_layer_moments(kLongestRowWithPairs + 1, 1, 1);
  const Floats values = noise(static_cast<size_t>(m.row()), 5);
  add_rows(m, 0, values.data(), 1, 1);
  ASSERT_EQ(m.gram.size(), values.size());
  ASSERT_TRUE(write(file, path));
  const auto back = read(path);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->layers.at("wide").gram, m.gram);
  EXPECT_EQ(back->layers.at("wide").sum, m.sum);
  EXPECT_EQ(back->layers.at("conv").gram, file.layers.at("conv").gram);
  EXPECT_EQ(m.square(0, 3), static_cast<double>(values[3]) * static_cast<double>(values[3]));
  std::filesystem::remove(path);
}

TEST(moments_file, says_what_is_damaged) {
  const std::string path = path_of("moments_damaged.stats");
  ASSERT_TRUE(write(part(0, 2), path));
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  in.close();
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    std::ofstream(path, std::ios::binary) << bad;
    EXPECT_FALSE(read(path)) << "byte " << at;
    std::ofstream(path, std::ios::binary) << good.substr(0, at + 1);
    EXPECT_FALSE(read(path)) << "cut at " << at;
  }
  std::filesystem::remove(path);
}

// Files of these, by name.
class AddedFiles : public ::testing::Test {
 protected:
  std::string file(const Moments& moments) {
    paths_.push_back(path_of(("moments_added_" + std::to_string(paths_.size()) + ".stats").c_str()));
    EXPECT_TRUE(write(moments, paths_.back()));
    return paths_.back();
  }
  ~AddedFiles() override {
    for (const std::string& path : paths_) std::filesystem::remove(path);
  }

 private:
  std::vector<std::string> paths_;
};

TEST_F(AddedFiles, in_any_order_and_know_their_samples) {
  const std::string two = file({}), three = file({});
  ASSERT_TRUE(add_files({file(part(10, 20)), file(part(0, 5))}, two));
  const auto gap = read(two);
  ASSERT_TRUE(gap) << gap.error().message;
  EXPECT_EQ(gap->origin.first_missing(0), 5u);
  EXPECT_EQ(gap->origin.first_missing(10), 20u);
  ASSERT_TRUE(add_files({two, file(part(5, 10))}, three));
  const auto all = read(three);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->origin.samples, (std::vector<std::pair<uint64_t, uint64_t>>{{0, 20}}));
  EXPECT_EQ(all->origin.sample_count(), 20u);
  EXPECT_EQ(all->layers.at("conv").samples, 20u);
  const double expected = part(0, 5).layers.at("conv").gram[7] + part(5, 10).layers.at("conv").gram[7] +
                          part(10, 20).layers.at("conv").gram[7];
  EXPECT_NEAR(all->layers.at("conv").gram[7], expected, 1e-12);
}

TEST_F(AddedFiles, belong_together) {
  const std::string first = file(part(0, 5)), sum = file({});
  const auto refused = [&](const Moments& other, const char* words) {
    const Status status = add_files({first, file(other)}, sum);
    ASSERT_FALSE(status) << words;
    EXPECT_NE(status.error().message.find(words), std::string::npos) << status.error().message;
    EXPECT_TRUE(read(sum)->layers.empty());  // as it was
  };
  refused(part(3, 7), "sample 3 is in both");
  Moments other = part(5, 7);
  other.origin.network = "other";
  refused(other, "networks differ");
  other = part(5, 7);
  other.layers["more"] = other.layers["conv"];
  refused(other, "different layers");
  other = part(5, 7);
  other.layers["conv"] = make_layer_moments(4, 3, 2);
  refused(other, "different layers");
}

TEST(moments_writer, takes_layers_by_name_and_as_many_as_were_said) {
  const std::string path = path_of("moments_order.stats");
  auto writer = MomentsWriter::create(path, part(0, 1).origin, 2);
  ASSERT_TRUE(writer);
  const LayerMoments m = make_layer_moments(2, 1, 1);
  ASSERT_TRUE(writer->add("b", m));
  EXPECT_FALSE(writer->add("a", m));
  EXPECT_FALSE(writer->finish());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(moments_file, belongs_to_one_network) {
  Graph graph;
  const TensorId x = add_input(graph, {1, 3});
  add_layer(graph, "layer", Linear{}, x, {2, 3}, 1);
  const std::string path = path_of("moments_network.stats");
  ASSERT_TRUE(write({{fingerprint(graph), 64, "", {{0, 1}}}, {{"layer", make_layer_moments(3, 1, 1)}}}, path));
  const auto file = MomentsFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_TRUE(check_network(*file, graph));
  Graph changed;
  add_layer(changed, "layer", Linear{}, add_input(changed, {1, 3}), {2, 3}, 2);
  EXPECT_FALSE(check_network(*file, changed));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace nibble::test
