// Sections GRPH and META whose numbers lie, made through the schema itself.
#include <gtest/gtest.h>

#include <functional>

#include "core/crc32c.h"
#include "format/attributes.h"
#include "format/container.h"
#include "format/data_layout.h"
#include "format/front_coding.h"
#include "format/graph_decoder.h"
#include "format/graph_encoder.h"
#include "format/schema.h"
#include "ops/op.h"
#include "sample_graphs.h"

namespace nibble {
namespace {

// The tiny graph's section, unpacked for changes.
struct Parts {
  std::vector<std::string> attribute_names, strings;
  std::vector<int32_t> dims, edges, inputs, outputs;
  std::vector<fbs::Quantization> quants;
  std::vector<fbs::Tensor> tensors;
  std::vector<fbs::TensorName> names;
  std::vector<fbs::Attribute> attributes;
  std::vector<fbs::Node> nodes;
  size_t lists = 0;  // of 1,000 integers each

  Parts() {
    const Graph graph = test::tiny_graph();
    DataLayout layout;
    const auto bytes = encode_graph(graph, layout).value();
    const fbs::Graph* in = fbs::open_graph(std::as_bytes(std::span(bytes))).value();
    strings = front_decode(fbs::items(in->strings()), fbs::kMaxNameBytes, 1 << 20).value();
    copy(dims, in->dims());
    copy(edges, in->edges());
    copy(inputs, in->inputs());
    copy(outputs, in->outputs());
    copy(tensors, in->tensors());
    copy(names, in->names());
    copy(nodes, in->nodes());
    data.resize(layout.bytes());
  }

  template <class T, class V>
  static void copy(std::vector<T>& to, const V* from) {
    const auto items = fbs::items(from);
    to.assign(items.begin(), items.end());
  }

  Result<Graph> decode() const {
    flatbuffers::FlatBufferBuilder b;
    std::vector<flatbuffers::Offset<fbs::List>> all;
    for (size_t i = 0; i < lists; ++i) {
      all.push_back(fbs::CreateList(b, b.CreateVector(std::vector<int64_t>(1000, 1))));
    }
    const auto attribute_name_list = b.CreateVector(front_code(attribute_names)),
               string_list = b.CreateVector(front_code(strings));
    const auto dim_list = b.CreateVector(dims);
    const auto quant_list = b.CreateVectorOfStructs(quants);
    const auto tensor_list = b.CreateVectorOfStructs(tensors);
    const auto name_list = b.CreateVectorOfStructs(names);
    const auto edge_list = b.CreateVector(edges);
    const auto attribute_list = b.CreateVectorOfStructs(attributes);
    const auto list_list = b.CreateVector(all);
    const auto node_list = b.CreateVectorOfStructs(nodes);
    const auto input_list = b.CreateVector(inputs), output_list = b.CreateVector(outputs);
    b.Finish(fbs::CreateGraph(b, attribute_name_list, string_list, dim_list, quant_list, tensor_list, name_list,
                              edge_list, attribute_list, list_list, node_list, input_list, output_list));
    auto graph = decode_graph({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()}, data,
                              data.size(), nullptr);
    if (!graph) return graph;
    if (auto status = verify(*graph); !status) return std::move(status).error();
    return graph;
  }

  std::vector<std::byte> data;
};

void expect_refused(const Parts& parts, Code code, const char* words) {
  const auto graph = parts.decode();
  ASSERT_FALSE(graph) << "accepted where '" << words << "' was expected";
  EXPECT_EQ(to_string(graph.error().code), std::string(to_string(code))) << graph.error().message;
  EXPECT_NE(graph.error().message.find(words), std::string::npos) << graph.error().message;
}

fbs::Tensor tensor(uint8_t type, uint8_t packing, uint8_t rank, uint8_t constant, uint32_t dims, uint32_t quant = 0,
                   uint32_t data = 0) {
  return {type, packing, rank, constant, dims, quant, data};
}

fbs::Node node(uint16_t op, uint16_t version, uint32_t attributes, uint16_t count, uint16_t inputs, uint16_t outputs,
               uint32_t name = 0) {
  return {name, op, version, attributes, count, inputs, outputs};
}

// One attribute for the tiny graph's only node.
Parts with_attribute(const char* name, fbs::AttributeType type, uint8_t flags, uint32_t value) {
  Parts p;
  p.attribute_names = {name};
  p.attributes = {{0, static_cast<uint8_t>(type), flags, value}};
  p.nodes[0] = node(5, 1, 0, 1, p.nodes[0].inputs(), 1, p.nodes[0].name());
  return p;
}

TEST(HostileGraph, the_parts_themselves_are_accepted) {
  const auto graph = Parts().decode();
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->nodes.size(), 1u);
}

TEST(HostileGraph, an_unknown_attribute_is_refused_by_name_unless_it_is_optional) {
  expect_refused(with_attribute("sparsity", fbs::AttributeType::integer, 0, 4), Code::unsupported_version,
                 "'sparsity'");
  expect_refused(with_attribute("sparsity", fbs::AttributeType::integer, 0, 4), Code::unsupported_version, "'fc'");
  EXPECT_TRUE(with_attribute("sparsity", fbs::AttributeType::integer, fbs::kOptionalAttribute, 4).decode());
  EXPECT_TRUE(with_attribute("sparsity", static_cast<fbs::AttributeType>(99), fbs::kOptionalAttribute, 4).decode());
}

TEST(HostileGraph, an_attribute_of_another_type_or_value_is_refused) {
  expect_refused(with_attribute("out_min", fbs::AttributeType::number, 0, 4), Code::unsupported_version, "integer");
  expect_refused(with_attribute("out_min", static_cast<fbs::AttributeType>(99), 0, 4), Code::unsupported_version,
                 "out_min");
  expect_refused(with_attribute("activation", fbs::AttributeType::integer, 0, 9999), Code::unsupported_version, "9999");
  expect_refused(with_attribute("out_min", fbs::AttributeType::integers, 0, 9999), Code::corrupt_file, "list");
  Parts twice = with_attribute("out_min", fbs::AttributeType::integer, 0, 1);
  twice.attributes.push_back(twice.attributes[0]);
  twice.nodes[0] = node(5, 1, 0, 2, twice.nodes[0].inputs(), 1, twice.nodes[0].name());
  expect_refused(twice, Code::corrupt_file, "twice");
}

TEST(HostileGraph, newer_operators_and_versions_are_refused_by_name) {
  Parts p;
  p.nodes[0] = node(999, 1, 0, 0, 3, 1, p.nodes[0].name());
  expect_refused(p, Code::unsupported_version, "999");
  p.nodes[0] = node(5, 2, 0, 0, 3, 1, p.nodes[0].name());
  expect_refused(p, Code::unsupported_version, "version 2 of operator Linear");
}

TEST(HostileGraph, newer_types_packings_and_quantizations_are_refused) {
  Parts p;
  p.tensors[0] = tensor(200, 0, 2, 0, p.tensors[0].dims());
  expect_refused(p, Code::unsupported_version, "element type 200");
  p = Parts();
  p.tensors[1] = tensor(0, 77, 2, 1, p.tensors[1].dims());
  expect_refused(p, Code::unsupported_version, "packing 77");
  p = Parts();
  p.quants = {{9, 0, 0, 0, 1, 0}};
  p.tensors[1] = tensor(0, 0, 2, 1, p.tensors[1].dims(), 1);
  expect_refused(p, Code::unsupported_version, "kind 9");
}

TEST(HostileGraph, references_outside_their_tables_are_refused) {
  const std::vector<std::function<void(Parts&)>> changes{
      [](Parts& p) { p.tensors[0] = tensor(0, 0, 2, 0, 4000); },
      [](Parts& p) { p.tensors[0] = tensor(0, 0, 2, 0, ~0u); },
      [](Parts& p) { p.tensors[0] = tensor(0, 0, 255, 0, 0); },
      [](Parts& p) { p.tensors[0] = tensor(0, 0, 2, 0, p.tensors[0].dims(), 5); },
      [](Parts& p) { p.tensors[1] = tensor(0, 0, 2, 1, p.tensors[1].dims(), 0, ~0u); },
      [](Parts& p) { p.dims[0] = -4000; },
      [](Parts& p) { p.dims[0] = INT32_MIN; },
      [](Parts& p) { p.nodes[0] = node(5, 1, 4, 1, 3, 1); },
      [](Parts& p) { p.nodes[0] = node(5, 1, ~0u, 60000, 3, 1); },
      [](Parts& p) { p.nodes[0] = node(5, 1, 0, 0, 3, 1, 4000); },
      [](Parts& p) { p.nodes[0] = node(5, 1, 0, 0, 60000, 60000); },
      [](Parts& p) { p.nodes[0] = node(5, 1, 0, 0, 2, 1); },
      [](Parts& p) { p.nodes[0] = node(5, 1, 0, 0, 4, 1); },
      [](Parts& p) { p.edges[0] = 1000; },
      [](Parts& p) { p.edges[0] = -2; },
      [](Parts& p) { p.edges.back() = -1; },
      [](Parts& p) { p.edges.back() = 0; },
      [](Parts& p) { p.inputs = {-1}; },
      [](Parts& p) { p.outputs = {77}; },
      [](Parts& p) { p.outputs = {}, p.tensors.push_back(p.tensors[0]); },
      [](Parts& p) {
        p.names[0] = {500, 0};
      },
      [](Parts& p) {
        p.names[0] = {0, 500};
      },
      [](Parts& p) { p.names.push_back(p.names[0]); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Parts p;
    changes[i](p);
    const auto graph = p.decode();
    EXPECT_FALSE(graph) << "change " << i << " was accepted";
  }
}

TEST(HostileGraph, huge_shapes_of_constants_do_not_wrap) {
  Parts p;
  p.dims = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
  p.tensors[1] = tensor(0, 0, 4, 1, 0);
  EXPECT_FALSE(p.decode());
  p.dims = {1 << 16, 1 << 16, 1 << 16, 1 << 16};  // 2^64 elements
  EXPECT_FALSE(p.decode());
  p.dims = {0, INT32_MAX, INT32_MAX, INT32_MAX};
  EXPECT_FALSE(p.decode());
}

TEST(HostileGraph, scales_must_fit_and_be_numbers) {
  Parts p;
  p.tensors[1] = tensor(0, 0, 2, 1, p.tensors[1].dims(), 1);
  const auto quant = [&](uint8_t kind, uint8_t axis, uint16_t group, uint32_t count, uint32_t scales) {
    p.quants = {{kind, axis, group, 0, count, scales}};
  };
  quant(2, 0, 0, ~0u, 0);
  expect_refused(p, Code::corrupt_file, "outside section DATA");
  quant(2, 0, 0, 2, ~0u);
  expect_refused(p, Code::corrupt_file, "outside section DATA");
  quant(2, 9, 0, 2, 0);
  expect_refused(p, Code::corrupt_file, "axis");
  quant(2, 0, 0, 3, 0);
  expect_refused(p, Code::corrupt_file, "3 scales");
  quant(3, 0, 0, 2, 0);
  expect_refused(p, Code::corrupt_file, "size 0");
  quant(1, 0, 0, 1, 0x7FC00000);
  expect_refused(p, Code::corrupt_file, "not a number");
  quant(1, 0, 0, 0, 0);
  expect_refused(p, Code::corrupt_file, "expected one");
}

// Small files that would become huge graphs through sharing.
TEST(HostileGraph, what_is_shared_cannot_multiply_without_bound) {
  Parts lists = with_attribute("begins", fbs::AttributeType::integers, 0, 0);
  lists.lists = 1;
  for (int i = 0; i < 60; ++i) lists.attributes.push_back(lists.attributes[0]);
  lists.nodes.assign(10000, node(15, 1, 0, 61, 0, 0));
  EXPECT_FALSE(lists.decode());

  Parts shapes;
  std::string expression = "a0";
  for (int i = 1; i < 60; ++i) expression += "+a" + std::to_string(i);
  shapes.strings.push_back(expression + "*b*c*d*e*f*g*h*i*j*k*l*m");
  shapes.dims.assign(8, -static_cast<int32_t>(shapes.strings.size()));
  shapes.tensors.assign(20000, tensor(0, 0, 8, 0, 0));
  expect_refused(shapes, Code::corrupt_file, "far more than the file can hold");

  // Products of sums that come to nothing: little to keep, much to multiply.
  Parts products;
  const std::string sum = "(a+b+c+d+e+f+g+h)";
  std::string work = sum;
  while (work.size() < 900) work += "*" + sum;
  const auto first = static_cast<int32_t>(products.strings.size());
  products.tensors.clear();
  products.dims.clear();
  for (int32_t i = 0; i < 300; ++i) {
    products.strings.push_back(work + "*0+" + std::to_string(i + 1));
    products.dims.push_back(-1 - first - i);
    products.tensors.push_back(tensor(0, 0, 1, 0, static_cast<uint32_t>(i)));
  }
  expect_refused(products, Code::corrupt_file, "far more than the file can hold");

  Parts names;
  names.strings.push_back(std::string(2000, 'n'));
  names.nodes.assign(10000, node(15, 1, 0, 0, 0, 0, static_cast<uint32_t>(names.strings.size() - 1)));
  expect_refused(names, Code::corrupt_file, "far more than the file can hold");

  Parts scales;
  scales.data.resize(1 << 16);
  scales.dims = {1 << 14};
  scales.quants = {{2, 0, 0, 0, 1 << 14, 0}};
  scales.tensors.assign(20000, tensor(3, 0, 1, 1, 0, 1));
  expect_refused(scales, Code::corrupt_file, "far more than the file can hold");
}

TEST(HostileGraph, front_coded_texts_round_trip_and_bad_ones_are_refused) {
  const std::vector<std::string> texts{"", "/layer1/conv", "/layer1/conv", "/layer1/c", std::string(2000, 'x'), "",
                                       "a"};
  const std::vector<uint8_t> coded = front_code(texts);
  EXPECT_EQ(front_decode(coded, 2048, 1 << 20).value(), texts);
  EXPECT_LT(coded.size(), 2060u);
  for (size_t length = 1; length < coded.size(); ++length) {
    if (const auto some = front_decode(std::span(coded).first(length), 2048, 1 << 20)) {
      EXPECT_LT(some->size(), texts.size());
    }
  }
  EXPECT_FALSE(front_decode(coded, 1999, 1 << 20));
  EXPECT_FALSE(front_decode(coded, 2048, 2000));
  EXPECT_FALSE(front_decode(std::vector<uint8_t>{1, 1, 'a'}, 2048, 1 << 20));         // shares with nothing
  EXPECT_FALSE(front_decode(std::vector<uint8_t>{0, 2, 'a'}, 2048, 1 << 20));         // ends early
  EXPECT_FALSE(front_decode(std::vector<uint8_t>{0, 0x81}, 2048, 1 << 20));           // half a number
  EXPECT_FALSE(front_decode(std::vector<uint8_t>{0, 0x81, 0x81, 1}, 2048, 1 << 20));  // a number of three bytes
}

TEST(HostileGraph, metadata_with_shared_or_missing_texts_is_refused) {
  flatbuffers::FlatBufferBuilder b;
  const auto text = b.CreateString(std::string(1000, 'x'));
  std::vector<flatbuffers::Offset<fbs::Entry>> entries;
  for (int i = 0; i < 100; ++i) entries.push_back(fbs::CreateEntry(b, b.CreateString("key" + std::to_string(i)), text));
  b.Finish(fbs::CreateMetadata(b, b.CreateVector(entries)));
  EXPECT_FALSE(decode_metadata({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()}));

  flatbuffers::FlatBufferBuilder c;
  c.Finish(fbs::CreateMetadata(c, c.CreateVector(std::vector{fbs::CreateEntry(c, c.CreateString("key"))})));
  EXPECT_FALSE(decode_metadata({reinterpret_cast<const std::byte*>(c.GetBufferPointer()), c.GetSize()}));
}

}  // namespace
}  // namespace nibble
