#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "format/container.h"
#include "format/reader.h"
#include "format/writer.h"
#include "ops/op.h"
#include "sample_graphs.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;

Graph read(const std::vector<std::byte>& bytes) {
  auto graph = read_model(bytes, nullptr);
  if (!graph) ADD_FAILURE() << graph.error().message;
  return std::move(graph).value();
}

void expect_equal(const Graph& a, const Graph& b) {
  EXPECT_EQ(dump_text(a), dump_text(b));
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    const Tensor &x = a.tensors[i], &y = b.tensors[i];
    SCOPED_TRACE(x.desc.name);
    EXPECT_EQ(x.desc.name, y.desc.name);
    EXPECT_EQ(x.desc.quant, y.desc.quant);
    EXPECT_EQ(x.desc.packing, y.desc.packing);
    ASSERT_EQ(x.is_constant(), y.is_constant());
    if (!x.is_constant()) continue;
    EXPECT_TRUE(std::ranges::equal(x.constant->bytes, y.constant->bytes));
  }
}

uint64_t section_size(const std::vector<std::byte>& file, const SectionTag& tag) {
  return read_container(file, true).value().find(tag)->bytes;
}

// A fresh folder that goes away with the test.
struct Folder {
  Folder() {
    static int counter = 0;
    path =
        fs::temp_directory_path() / ("nibble_format_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
  size_t entries() const { return static_cast<size_t>(std::distance(fs::directory_iterator(path), {})); }
  fs::path path;
};

TEST(RoundTrip, keeps_a_graph_of_all_operators) {
  const Graph graph = test::graph_of_all_operators();
  std::vector<bool> seen(64, false);
  for (const Node& node : graph.nodes) seen[op_id(*node.op)] = true;
#define NBL_OP(id, type) EXPECT_TRUE(seen[id]) << #type << " is missing in this test";
#include "ops/ops.inc"
#undef NBL_OP
  expect_equal(graph, read(model_bytes(graph).value()));
}

TEST(RoundTrip, keeps_an_int8_and_an_int4_network) {
  for (DType type : {DType::i8, DType::i4}) {
    const Graph graph = test::resnet20(type);
    expect_equal(graph, read(model_bytes(graph).value()));
  }
}

TEST(RoundTrip, graph_of_resnet20_takes_at_most_six_kilobytes) {
  const auto int8 = model_bytes(test::resnet20(DType::i8)).value();
  EXPECT_LE(section_size(int8, kGraphTag), 6000u);
  const auto int4 = model_bytes(test::resnet20(DType::i4)).value();
  EXPECT_LE(section_size(int4, kGraphTag), 6400u);
  // Shares of the float weights' size, everything included.
  const double float_bytes = 4.0 * 270000;
  EXPECT_LE(static_cast<double>(int8.size()) / float_bytes, 0.27);
  EXPECT_LE(static_cast<double>(int4.size()) / float_bytes, 0.16);
}

TEST(RoundTrip, same_graph_gives_same_bytes) {
  const auto once = model_bytes(test::graph_of_all_operators()).value();
  EXPECT_EQ(once, model_bytes(test::graph_of_all_operators()).value());
  EXPECT_EQ(once, model_bytes(read(once)).value());
}

TEST(RoundTrip, constants_take_the_name_of_their_first_reader) {
  Graph graph = test::tiny_graph();
  for (Tensor& tensor : graph.tensors) {
    if (tensor.is_constant()) tensor.desc.name = "forgotten";
  }
  const Graph back = read(model_bytes(graph).value());
  EXPECT_EQ(back.desc(back.nodes[0].inputs[conv_input::weights]).name, "fc.weights");
  EXPECT_EQ(back.desc(back.nodes[0].inputs[conv_input::bias]).name, "fc.bias");
}

TEST(RoundTrip, keeps_names_that_do_not_follow_from_nodes) {
  Graph graph = test::tiny_graph();
  graph.desc(graph.outputs[0]).name = "class scores";
  EXPECT_EQ(read(model_bytes(graph).value()).desc(graph.outputs[0]).name, "class scores");
}

TEST(RoundTrip, stores_identical_constants_once) {
  Graph graph = test::tiny_graph();
  const Tensor bias = graph.tensor(graph.nodes[0].inputs[2]);
  const auto before = section_size(model_bytes(graph).value(), kDataTag);
  graph.nodes[0].inputs[2] =
      graph.add_constant(bias.desc, ConstantData::own({bias.constant->bytes.begin(), bias.constant->bytes.end()}));
  EXPECT_EQ(section_size(model_bytes(graph).value(), kDataTag), before);
}

TEST(RoundTrip, aligns_data_and_large_constants) {
  const Graph graph = test::resnet20(DType::i8);
  const auto bytes = model_bytes(graph).value();
  const Container container = read_container(bytes, true).value();
  EXPECT_EQ(container.find(kDataTag)->offset % 4096, 0u);
  const Graph back = read(bytes);
  const std::byte* base = nullptr;
  for (const Tensor& tensor : back.tensors) {
    if (tensor.is_constant() && (!base || tensor.constant->bytes.data() < base)) base = tensor.constant->bytes.data();
  }
  size_t large = 0;
  for (const Tensor& tensor : back.tensors) {
    if (!tensor.is_constant()) continue;
    const auto offset = static_cast<size_t>(tensor.constant->bytes.data() - base);
    const bool is_large = tensor.constant->bytes.size() >= 4096;
    EXPECT_EQ(offset % (is_large ? 256 : 16), 0u);
    large += is_large;
  }
  EXPECT_GT(large, 5u);
}

TEST(RoundTrip, constants_of_a_mapped_file_outlive_the_reader) {
  const Folder folder;
  const std::string path = folder.file("net.nbl");
  const Graph graph = test::resnet20(DType::i8);
  ASSERT_TRUE(write_model(graph, path));
  EXPECT_EQ(folder.entries(), 1u);
  auto back = read_model(path);
  ASSERT_TRUE(back) << back.error().message;
  fs::remove(path);
  expect_equal(graph, *back);
}

TEST(RoundTrip, reads_from_memory_that_is_not_aligned) {
  const Graph graph = test::graph_of_all_operators();
  const auto bytes = model_bytes(graph).value();
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
  auto back = read_model(std::span(shifted).subspan(1), nullptr);
  ASSERT_TRUE(back) << back.error().message;
  std::fill(shifted.begin(), shifted.end(), std::byte{0});
  expect_equal(graph, *back);
}

TEST(Write, leaves_nothing_behind_when_the_disk_is_full) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const auto status = write_model(test::resnet20(DType::i8), "/dev/full");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::io);
  EXPECT_NE(status.error().message.find("/dev/full"), std::string::npos);
}

TEST(Write, names_a_folder_that_does_not_exist) {
  const Folder folder;
  const auto status = write_model(test::tiny_graph(), folder.file("missing/net.nbl"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::io);
  EXPECT_NE(status.error().message.find("missing/net.nbl"), std::string::npos);
  const auto onto_folder = write_model(test::tiny_graph(), folder.path.string());
  ASSERT_FALSE(onto_folder);
  EXPECT_NE(onto_folder.error().message.find("folder"), std::string::npos);
}

TEST(Write, keeps_the_old_file_when_the_graph_is_invalid) {
  const Folder folder;
  const std::string path = folder.file("net.nbl");
  ASSERT_TRUE(write_model(test::tiny_graph(), path));
  Graph broken = test::tiny_graph();
  broken.desc(broken.outputs[0]).shape[1] = 7;
  EXPECT_FALSE(write_model(broken, path));
  EXPECT_EQ(folder.entries(), 1u);
  EXPECT_TRUE(read_model(path));
}

TEST(Read, tells_missing_files_folders_empty_and_foreign_files_apart) {
  const Folder folder;
  const auto message = [](const std::string& path) { return read_model(path).error().message; };
  EXPECT_EQ(read_model(folder.file("none.nbl")).error().code, Code::not_found);
  EXPECT_NE(message(folder.path.string()).find("folder"), std::string::npos);
  std::ofstream(folder.file("empty.nbl")).flush();
  EXPECT_NE(message(folder.file("empty.nbl")).find("empty"), std::string::npos);
  std::ofstream(folder.file("text.nbl")) << "this is text";
  EXPECT_NE(message(folder.file("text.nbl")).find("not a .nbl file"), std::string::npos);
  EXPECT_EQ(message(folder.file("text.nbl")).rfind(folder.file("text.nbl"), 0), 0u);
}

}  // namespace
}  // namespace nibble
