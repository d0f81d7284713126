// Networks of the shapes list: the published numbers of multiply-adds, the same bytes for the same seed, refusals.
#include <gtest/gtest.h>

#include <set>

#include "converter/shapes/blocks.h"
#include "converter/shapes/make_network.h"
#include "converter/shapes/networks.h"
#include "converter/shapes/rows.h"
#include "format/writer.h"
#include "graph/cost.h"

namespace nibble::test {
namespace {

using shapes::make_network;

double giga_multiply_adds(const Graph& graph) { return static_cast<double>(multiply_adds(graph)) / 1e9; }

TEST(Shapes, every_network_has_the_published_number_of_multiply_adds) {
  std::set<std::string> names;
  for (const shapes::Network& network : shapes::networks()) {
    EXPECT_TRUE(names.insert(network.name).second) << network.name << " is there twice";
    if (std::string(network.name) == "llama_7b") continue;  // 0.8 GB of weights
    const auto graph = make_network(network.rows, {});
    ASSERT_TRUE(graph) << network.name << ": " << graph.error().message;
    // Figures of three or four digits; sources differ in what they count beside convolutions and products.
    EXPECT_NEAR(giga_multiply_adds(*graph), network.giga, 0.05 * network.giga) << network.name;
  }
  EXPECT_GE(names.size(), 30u);
}

TEST(Shapes, options_change_size_batch_and_channels) {
  const char* rows = "input c3 s32\nconv c16 k3 s2 relu\nbasic c32 s2\nmean\nlinear c10 fixed";
  const auto plain = make_network(rows, {}), wide = make_network(rows, {.channels = 2}),
             large = make_network(rows, {.size = 64, .batch = 3});
  ASSERT_TRUE(plain && wide && large);
  const auto output = [](const Graph& g) { return to_string(g.desc(g.outputs[0]).shape); };
  EXPECT_EQ(output(*plain), "[1, 10]");
  EXPECT_EQ(output(*wide), "[1, 10]");
  EXPECT_EQ(output(*large), "[3, 10]");
  EXPECT_EQ(to_string(large->desc(large->inputs[0]).shape), "[3, 3, 64, 64]");
  EXPECT_GT(giga_multiply_adds(*wide), 3 * giga_multiply_adds(*plain));
  EXPECT_NEAR(giga_multiply_adds(*large), 12 * giga_multiply_adds(*plain), 0.01 * giga_multiply_adds(*large));
}

TEST(Shapes, the_same_seed_gives_the_same_bytes_and_another_does_not) {
  const auto bytes = [](uint32_t seed) {
    const shapes::Options options{.seed = seed};
    auto graph = make_network("input c3 s16\nconv c8 k3 relu\nbasic c16 s2\nmean\nlinear c10", options);
    EXPECT_TRUE(graph);
    const auto made = shapes::convert_network(std::move(*graph), {}, options, 2);
    EXPECT_TRUE(made);
    EXPECT_NE(made->graph.metadata.at("weights").find("random"), std::string::npos);
    return model_bytes(made->graph).value();
  };
  EXPECT_EQ(bytes(1), bytes(1));
  EXPECT_NE(bytes(1), bytes(2));
}

// No weight is shared by accident, none is drawn anew where it should be shared.
TEST(Shapes, shared_weights_are_one_constant) {
  const auto constants = [](const char* rows) {
    const auto graph = make_network(rows, {});
    EXPECT_TRUE(graph);
    size_t bytes = 0;
    for (const Tensor& t : graph->tensors) bytes += t.is_constant() ? t.constant->bytes.size() : 0;
    return bytes;
  };
  EXPECT_EQ(constants("input d64 t4\nlinear c64 n5 shared unbiased"), 64u * 64 * 4);
  EXPECT_EQ(constants("input d64 t4\nlinear c64 n5 unbiased"), 5u * 64 * 64 * 4);
}

TEST(Shapes, refuses_rows_that_make_no_network) {
  const std::vector<std::pair<const char*, std::vector<const char*>>> cases = {
      {"", {"no rows"}},
      {"conv c8", {"line 1", "'input' first"}},
      {"input c3", {"c and s"}},
      {"input c3 s32\ninput c3 s32", {"line 2", "second input"}},
      {"input c3 s32\nconvolve c8", {"line 2", "unknown kind", "conv depthwise"}},
      {"input c3 s32\nconv k3", {"'c' is missing"}},
      {"input c3 s32\nconv c8 x3", {"no number 'x'", "ckspgn"}},
      {"input c3 s32\nconv c8 c9", {"given before"}},
      {"input c3 s32\nconv c0", {"'c0'", "1 or more"}},
      {"input c3 s32\nconv c99999999999999999999", {"at most"}},
      {"input c3 s32\nconv c8 sigh", {"unknown word 'sigh'"}},
      {"input c3 s32\nconv c8 relu silu", {"two activations"}},
      {"input c3 s32\nconv c8 g2", {"2 groups", "3 and 8"}},
      {"input c3 s4\nmax k9", {"line 2"}},
      {"input c3 s32\nadd <a <b", {"no row above keeps 'a'"}},
      {"input c3 s32 >a\nconv c8 >a", {"names another"}},
      {"input c3 s32 >a\nadd <a", {"1 inputs, expected 2"}},
      {"input c3 s32 >a\nconv c8 >b\nadd <a <b", {"line 3", "add <a <b"}},
      {"input c3 s32\noutput", {"already"}},
      {"input d100 t4\ntransformer a64", {"64", "100"}},
      {"input d64 t4\nlinear c32 n2 shared", {"32", "64"}},
      {"input c3 s32\nconv c1048576 k3\nconv c1048576 k1", {"line 3", "1073741824"}},
      {"input c3 s32\nconv c8 !", {"'!'"}},
      {"input c3 s32\nconv c8 >", {"expected a name"}},
      {"input c3 s32\nbasic c8 n100000", {"100000 repeats"}},
  };
  for (const auto& [rows, words] : cases) {
    const auto made = make_network(rows, {});
    ASSERT_FALSE(made) << rows;
    EXPECT_EQ(made.error().code, Code::invalid_argument) << rows;
    for (const char* word : words)
      EXPECT_NE(made.error().message.find(word), std::string::npos) << rows << ": " << made.error().message;
  }
}

TEST(Shapes, refuses_options_beyond_their_range) {
  const char* rows = "input c3 s8\nconv c8";
  EXPECT_FALSE(make_network(rows, {.size = -1}));
  EXPECT_FALSE(make_network(rows, {.size = shapes::kMostSize + 1}));
  EXPECT_FALSE(make_network(rows, {.batch = 0}));
  EXPECT_FALSE(make_network(rows, {.channels = 0}));
  EXPECT_FALSE(make_network(rows, {.channels = 1e9}));
}

}  // namespace
}  // namespace nibble::test
