#include "converter/search/latency_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ops/op.h"

namespace nibble::search {
namespace {

// Counts what it is asked, and answers with the number of output elements as microseconds.
class FakeTimer : public LayerTimer {
 public:
  FakeTimer(std::string key, int* asked) : key_(std::move(key)), asked_(asked) {}
  std::string device_key() const override { return key_; }
  std::string device_name() const override { return key_; }
  Result<double> layer_ms(const Graph& single) override {
    ++*asked_;
    EXPECT_EQ(single.nodes.size(), 1u);
    return static_cast<double>(elements(single.desc(single.outputs[0]).shape).value()) / 1000.0;
  }
  Result<NetworkTime> network_time(const Graph&, Look) override { return NetworkTime{1.0, 1.0, 1.0, 1.0, 1}; }

 private:
  std::string key_;
  int* asked_;
};

// A chain of 1x1 convolutions with these numbers of channels; weights and names differ from layer to layer.
Graph chain(const std::vector<int64_t>& channels) {
  Graph g;
  g.inputs = {g.add_tensor({"x", DType::f32, {1, channels[0], 4, 4}, {}, Packing::plain})};
  TensorId at = g.inputs[0];
  for (size_t i = 1; i < channels.size(); ++i) {
    const std::vector<float> values(static_cast<size_t>(channels[i] * channels[i - 1]), 0.5f * static_cast<float>(i));
    const TensorId w =
        g.add_constant({"w" + std::to_string(i), DType::f32, {channels[i], channels[i - 1], 1, 1}, {}, Packing::plain},
                       ConstantData::of(values));
    EXPECT_TRUE(g.add_node("conv" + std::to_string(i), Conv2d{}, {at, w}));
    at = g.nodes.back().outputs[0];
  }
  g.outputs = {at};
  return g;
}

class LatencyTableFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("nibble_latency_" + std::to_string(::getpid()) + ".json");
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  LatencyTable table(const std::string& device) {
    return LatencyTable(std::make_unique<FakeTimer>(device, &asked_), path_.string());
  }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  std::string text() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path path_;
  int asked_ = 0;
};

TEST_F(LatencyTableFile, measures_each_distinct_layer_once) {
  LatencyTable t = table("a");
  const auto times = t.node_ms(chain({8, 8, 8, 16, 8, 8}));
  ASSERT_TRUE(times) << times.error().message;
  EXPECT_EQ(*times, (std::vector<double>{0.128, 0.128, 0.256, 0.128, 0.128}));
  EXPECT_EQ(asked_, 3);  // 8 -> 8, 8 -> 16, 16 -> 8
  ASSERT_TRUE(t.node_ms(chain({8, 8})));
  EXPECT_EQ(asked_, 3);
}

TEST_F(LatencyTableFile, keeps_times_by_device) {
  LatencyTable a = table("a");
  ASSERT_TRUE(a.node_ms(chain({8, 8, 16})));
  ASSERT_TRUE(a.save());
  EXPECT_EQ(asked_, 2);
  LatencyTable again = table("a");
  EXPECT_EQ(again.ignored(), "");
  ASSERT_TRUE(again.node_ms(chain({8, 8, 16})));
  EXPECT_EQ(asked_, 2);
  // Another device, or the same with another driver: nothing of it counts, and nothing is lost.
  LatencyTable b = table("b");
  EXPECT_NE(b.ignored().find("no times of this device"), std::string::npos);
  ASSERT_TRUE(b.node_ms(chain({8, 8, 16})));
  EXPECT_EQ(asked_, 4);
  ASSERT_TRUE(b.save());
  LatencyTable both = table("a");
  ASSERT_TRUE(both.node_ms(chain({8, 8, 16})));
  EXPECT_EQ(asked_, 4);
}

TEST_F(LatencyTableFile, a_damaged_file_is_ignored_with_a_reason_and_replaced) {
  LatencyTable a = table("a");
  ASSERT_TRUE(a.node_ms(chain({8, 8})));
  ASSERT_TRUE(a.save());
  const std::string good = text();
  std::vector<std::string> damaged = {"", "{}", "[1]", "no json", good.substr(0, good.size() / 2)};
  for (const char* bad : {"-1.0", "\"fast\"", "null", "1e999", "{}"}) {
    std::string changed = good;
    changed.replace(changed.rfind("0.128"), 5, bad);
    damaged.push_back(changed);
  }
  for (const std::string& bad : damaged) {
    write(bad);
    asked_ = 0;
    LatencyTable t = table("a");
    EXPECT_NE(t.ignored(), "") << bad;
    ASSERT_TRUE(t.node_ms(chain({8, 8})));
    EXPECT_EQ(asked_, 1) << bad;
    ASSERT_TRUE(t.save());
    EXPECT_EQ(text(), good);
  }
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_NE(table("a").ignored(), "");
}

TEST(LayerKey, tells_shapes_and_types_but_not_values_and_names) {
  const Graph g = chain({8, 8, 8, 16});
  const auto key = [](const Graph& graph, size_t n) {
    return layer_key(single_node_graph(graph, graph.nodes[n]).value());
  };
  EXPECT_EQ(key(g, 0), key(g, 1));
  EXPECT_NE(key(g, 1), key(g, 2));
  Graph strided = g;
  strided.nodes[0].op = std::make_shared<const Op>(Conv2d{.stride_h = 2});
  ASSERT_TRUE(reinfer(strided));
  EXPECT_NE(key(g, 0), key(strided, 0));
}

}  // namespace
}  // namespace nibble::search
