// Section ZDAT: constants come back to the byte, and what is wrong with the section is an error before it costs memory.
#include "format/coded_data.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "converter/encode/zstd_compressor.h"
#include "format/byte_planes.h"
#include "format/container.h"
#include "format/reader.h"
#include "format/writer.h"
#include "ops/op.h"
#include "sample_graphs.h"
#include "tests/support/nbl_bytes.h"

namespace nibble {
namespace {

using namespace test;

Bytes coded(const Graph& graph) { return model_bytes(graph, encode::write_options(true).value()).value(); }

Bytes section_of(const Bytes& file) {
  const Container container = read_container(file, true).value();
  const Section* section = container.find(kCodedDataTag);
  if (!section) return {};
  const auto bytes = section_bytes(file, *section);
  return {bytes.begin(), bytes.end()};
}

// A graph whose only node reads `count` weights of these values.
Graph graph_of(const std::vector<float>& weights) {
  Graph g;
  const auto n = static_cast<int64_t>(weights.size()) / 4;
  TensorDesc x, w;
  x.name = "x";
  x.shape = {1, n};
  w.shape = {4, n};
  const TensorId in = g.add_tensor(x);
  g.inputs = {in};
  const TensorId weight = g.add_constant(w, ConstantData::of(weights));
  const auto node = g.add_node("fc", Op(Linear{}), {in, weight});
  EXPECT_TRUE(node) << (node ? "" : node.error().message);
  g.outputs = {g.nodes.back().outputs[0]};
  return g;
}

std::vector<float> normal(size_t count, float spread) {
  std::mt19937 random(7);
  std::vector<float> out(count);
  for (float& v : out) v = spread * (static_cast<float>(random() % 2001) - 1000.0f);
  return out;
}

class CodedData : public testing::Test {
 protected:
  void SetUp() override {
    if (!encode::can_compress()) GTEST_SKIP() << "built without zstd";
  }
};

TEST_F(CodedData, every_graph_comes_back_as_it_was) {
  for (const Graph& graph : {tiny_graph(), graph_of_all_operators(), resnet20(DType::i8), resnet20(DType::i4),
                             graph_of(normal(1 << 19, 0.25f))}) {
    const Bytes plain = model_bytes(graph).value(), small = coded(graph);
    EXPECT_EQ(small, coded(graph));
    auto back = read_model(small, nullptr);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(dump_text(*back), dump_text(read_model(plain, nullptr).value()));
    EXPECT_EQ(model_bytes(*back).value(), plain);
  }
}

// The file's map may go once everything is expanded.
TEST_F(CodedData, a_file_is_read_by_path_and_its_metadata_too) {
  Graph graph = resnet20(DType::i4);
  graph.metadata["classes"] = "cat\ndog\n";
  const std::string path = testing::TempDir() + "/nibble_coded_data_test.nbl";
  ASSERT_TRUE(write_model(graph, path, encode::write_options(true).value()));
  for (const bool check_data : {true, false}) {
    const auto back = read_model(path, {.check_data = check_data});
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->metadata, graph.metadata);
    EXPECT_EQ(model_bytes(*back).value(), model_bytes(graph).value());
  }
  std::remove(path.c_str());
}

TEST_F(CodedData, what_repeats_takes_less_and_what_does_not_hardly_more) {
  const Graph repeated = graph_of(std::vector<float>(1 << 20, 0.5f));
  const Bytes small = coded(repeated);
  EXPECT_LT(small.size(), model_bytes(repeated).value().size() / 50);
  EXPECT_EQ(model_bytes(read_model(small, nullptr).value()).value(), model_bytes(repeated).value());
  std::mt19937 random(3);
  std::vector<float> noise(1 << 16);
  for (float& v : noise) {
    const uint32_t bits = static_cast<uint32_t>(random()) & ~0x40000000u;  // finite
    std::memcpy(&v, &bits, 4);
  }
  const Graph incompressible = graph_of(noise);
  EXPECT_LT(coded(incompressible).size(), model_bytes(incompressible).value().size() + 4096);
}

TEST_F(CodedData, a_section_expands_to_what_lay_there) {
  const Graph graph = resnet20(DType::i8);
  const Bytes plain = model_bytes(graph).value();
  const Container container = read_container(plain, true).value();
  const auto data = section_bytes(plain, *container.find(kDataTag));
  auto expanded = expand_data(section_of(coded(graph)));
  ASSERT_TRUE(expanded) << expanded.error().message;
  EXPECT_TRUE(std::ranges::equal(expanded->bytes(), data));
}

TEST_F(CodedData, what_is_let_go_of_comes_back) {
  const Bytes section = section_of(coded(graph_of(normal(1 << 19, 0.25f))));
  const auto data = ExpandedData::open(section, nullptr);
  ASSERT_TRUE(data) << data.error().message;
  const std::span<const std::byte> bytes = (*data)->bytes();
  const Bytes right(bytes.begin(), bytes.end());
  ASSERT_GT(read_coded_data(section)->chunks.size(), 1u);
  for (const auto& [from, length] : std::vector<std::pair<size_t, size_t>>{
           {0, bytes.size()}, {5000, 100000}, {1000, 10}, {bytes.size() - 5000, 5000}, {1 << 20, 1 << 20}}) {
    const auto part = bytes.subspan(from, length);
    (*data)->release(part);
    ASSERT_TRUE((*data)->restore(part.subspan(length / 2)));
    EXPECT_TRUE(
        std::ranges::equal(part.subspan(length / 2), std::span(right).subspan(from + length / 2, length - length / 2)));
    ASSERT_TRUE((*data)->restore(bytes));
    EXPECT_TRUE(std::ranges::equal(bytes, right));
  }
  (*data)->release({});
  (*data)->release(right);  // somebody else's
  ASSERT_TRUE((*data)->restore(right));
  EXPECT_TRUE(std::ranges::equal(bytes, right));
}

TEST_F(CodedData, every_prefix_and_every_flipped_byte_is_refused) {
  Bytes file = coded(tiny_graph());
  for (size_t length = 0; length < file.size(); ++length) {
    const Bytes prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(read_model(prefix, nullptr)) << length;
  }
  for (size_t i = 0; i < file.size(); ++i) {
    for (std::byte mask : {std::byte{1}, std::byte{0x80}, std::byte{0xFF}}) {
      file[i] ^= mask;
      EXPECT_FALSE(read_model(file, nullptr)) << "byte " << i;
      file[i] ^= mask;
    }
  }
}

// Behind mended checksums of the file the section's own one still notices every change of what it stands for.
TEST_F(CodedData, damage_with_mended_checksums_is_refused_or_harmless) {
  const Bytes section = section_of(coded(resnet20(DType::i4)));
  const Bytes right = [&] {
    const PageBlock block = expand_data(section).value();
    return Bytes(block.bytes().begin(), block.bytes().end());
  }();
  size_t refused = 0;
  const size_t step = section.size() / 3000 + 1;
  for (size_t i = 0; i < section.size(); i += i < 400 ? 1 : step) {
    Bytes bytes = section;
    bytes[i] ^= std::byte{0x10};
    const auto block = expand_data(bytes);
    if (!block) {
      ++refused;
      EXPECT_NE(block.error().message.find("ZDAT"), std::string::npos) << block.error().message;
    } else {
      EXPECT_TRUE(std::ranges::equal(block->bytes(), right)) << "byte " << i;
    }
  }
  EXPECT_GT(refused, 1000u);
  for (size_t length = 0; length < section.size(); length += length < 400 ? 1 : step) {
    EXPECT_FALSE(expand_data(std::span(section).first(length))) << length;
  }
}

// The section's numbers by hand: bytes, checksum, chunks; a chunk's bytes, coded bytes, coding, element bytes.
struct Table {
  uint64_t bytes = 0;
  uint32_t crc = 0, count = 0;
  struct Row {
    uint32_t bytes, coded;
    uint8_t coding = 0, element_bytes = 1;
    uint16_t rest = 0;
  };
  std::vector<Row> rows;

  Bytes section(const Bytes& coded) const {
    Bytes out(kCodedHeaderBytes + rows.size() * kCodedChunkBytes);
    put(out, 0, bytes);
    put(out, 8, crc);
    put(out, 12, count);
    for (size_t i = 0; i < rows.size(); ++i) put(out, kCodedHeaderBytes + i * kCodedChunkBytes, rows[i]);
    out.insert(out.end(), coded.begin(), coded.end());
    return out;
  }
};

void expect_refused(const Bytes& section, const char* words, Code code = Code::corrupt_file) {
  const auto block = expand_data(section);
  ASSERT_FALSE(block) << "accepted where '" << words << "' was expected";
  EXPECT_EQ(to_string(block.error().code), std::string(to_string(code)));
  EXPECT_NE(block.error().message.find(words), std::string::npos) << block.error().message;
}

TEST_F(CodedData, lies_are_refused_before_memory_is_taken) {
  const Bytes eight(8, std::byte{1});
  const uint32_t crc = crc32c(eight);
  EXPECT_TRUE(expand_data(Table{8, crc, 1, {{8, 8}}}.section(eight)));
  expect_refused(Table{8, crc + 1, 1, {{8, 8}}}.section(eight), "checksum");
  expect_refused(Table{uint64_t{1} << 62, crc, 1, {{8, 8}}}.section(eight), "stand for 8 bytes");
  expect_refused(Table{8, crc, ~0u, {{8, 8}}}.section(eight), "table");
  expect_refused(Table{8, crc, 1, {{8, 7}}}.section(eight), "stored chunk");
  expect_refused(Table{8, crc, 1, {{8, 9, 1}}}.section(eight), "its parts");
  expect_refused(Table{513, crc, 1, {{513, 8, 1}}}.section(eight), "more than 64 for one");
  expect_refused(Table{512, crc, 1, {{512, 8, 1}}}.section(eight), "no zstd frame");
  expect_refused(Table{~0u, crc, 1, {{~0u, 8, 1}}}.section(eight), "stands for");
  expect_refused(Table{0, 0, 1, {{0, 0}}}.section({}), "stands for 0");
  expect_refused(Table{8, crc, 1, {{8, 8, 0, 3}}}.section(eight), "elements of 3 bytes");
  expect_refused(Table{8, crc, 1, {{8, 8, 0, 0}}}.section(eight), "elements of 0 bytes");
  expect_refused(Table{8, crc, 1, {{8, 8, 2}}}.section(eight), "coding 2", Code::unsupported_version);
  expect_refused(Table{8, crc, 1, {{8, 8, 0, 1, 1}}}.section(eight), "not known", Code::unsupported_version);
  expect_refused(Bytes(3), "cut off");
}

TEST_F(CodedData, a_frame_that_holds_more_or_less_than_declared_is_refused) {
  const auto compress = encode::zstd_compressor().value();
  const Bytes zeros(100000);
  Bytes frame = compress(zeros).value();
  frame.resize(4000);  // zeros behind the frame are padding
  const auto size = static_cast<uint32_t>(frame.size());
  EXPECT_TRUE(expand_data(Table{100000, crc32c(zeros), 1, {{100000, size, 1}}}.section(frame)));
  expect_refused(Table{99999, 0, 1, {{99999, size, 1}}}.section(frame), "cannot be expanded");
  expect_refused(Table{100001, 0, 1, {{100001, size, 1}}}.section(frame), "expected 100001");
  frame.back() = std::byte{1};
  expect_refused(Table{100000, crc32c(zeros), 1, {{100000, size, 1}}}.section(frame), "stray bytes");
}

TEST_F(CodedData, a_file_has_one_of_data_and_zdat) {
  Bytes both = model_bytes(tiny_graph()).value();
  std::memcpy(both.data() + entry(0), "ZDAT", 4);  // what was META, before DATA
  const auto graph = read_model(sealed(both), nullptr);
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().message.find("both sections"), std::string::npos) << graph.error().message;
}

TEST(BytePlanes, join_undoes_split) {
  for (size_t length : {0u, 1u, 3u, 4u, 7u, 8u, 33u, 1027u}) {
    for (size_t width : {1u, 2u, 4u}) {
      Bytes in(length), planes(length), out(length);
      for (size_t i = 0; i < length; ++i) in[i] = static_cast<std::byte>(i * 37 + i / 256);
      split_planes(in, width, planes);
      join_planes(planes, width, out);
      EXPECT_EQ(in, out) << length << " bytes of width " << width;
      if (width == 4 && length >= 8) {
        EXPECT_EQ(planes[1], in[4]);
      }
    }
  }
}

}  // namespace
}  // namespace nibble
