#include "format/graph_encoder.h"

#include <bit>
#include <cstring>
#include <unordered_map>

#include "core/text.h"
#include "core/try.h"
#include "format/attributes.h"
#include "format/front_coding.h"
#include "format/schema.h"
#include "format/tensor_names.h"
#include "ops/op.h"

namespace nibble {
namespace {

Error refuse(std::string message) { return Error{Code::invalid_argument, std::move(message)}; }

// Items in a row; an equal run is stored once.
template <class T>
class RunPool {
 public:
  uint32_t add(const std::vector<T>& run) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::string key(reinterpret_cast<const char*>(run.data()), run.size() * sizeof(T));
    const auto [found, fresh] = starts_.emplace(std::move(key), static_cast<uint32_t>(items_.size()));
    if (fresh) items_.insert(items_.end(), run.begin(), run.end());
    return found->second;
  }
  const std::vector<T>& items() const { return items_; }

 private:
  std::vector<T> items_;
  std::unordered_map<std::string, uint32_t> starts_;
};

class StringPool {
 public:
  uint32_t add(const std::string& text) {
    const auto [found, fresh] = index_.emplace(text, static_cast<uint32_t>(items_.size()));
    if (fresh) items_.push_back(text);
    return found->second;
  }
  const std::vector<std::string>& items() const { return items_; }

 private:
  std::vector<std::string> items_;
  std::unordered_map<std::string, uint32_t> index_;
};

// Constants of one type and packing are alike.
DataKind kind_of(const TensorDesc& desc) {
  const uint32_t order = static_cast<uint32_t>(desc.type) << 8 | static_cast<uint32_t>(desc.packing);
  const auto bytes = static_cast<uint32_t>(bytes_per_element(desc.type));
  return {order, bytes == 8 ? 4 : bytes};
}

constexpr DataKind kScales{~0u, sizeof(float)};

class GraphEncoder {
 public:
  GraphEncoder(const Graph& graph, DataLayout& data) : graph_(graph), data_(data) {}

  Result<std::vector<uint8_t>> run() {
    place_data();
    for (size_t i = 0; i < graph_.tensors.size(); ++i) NBL_CHECK(encode_tensor(i));
    for (const Node& node : graph_.nodes) NBL_CHECK(encode_node(node));
    NBL_CHECK(encode_names());
    return finish();
  }

 private:
  struct Pieces {
    size_t constant = 0, scales = 0;
  };

  void place_data() {
    pieces_.resize(graph_.tensors.size());
    for (size_t i = 0; i < graph_.tensors.size(); ++i) {
      const Tensor& tensor = graph_.tensors[i];
      if (tensor.constant) pieces_[i].constant = data_.add(tensor.constant->bytes, kind_of(tensor.desc));
      const std::vector<float>& scales = tensor.desc.quant.scales;
      if (scales.size() > 1) pieces_[i].scales = data_.add(std::as_bytes(std::span(scales)), kScales);
    }
    data_.place();
  }

  Result<uint32_t> data_unit(size_t piece) const {
    const uint64_t unit = data_.offset(piece) / kDataUnit;
    if (unit > UINT32_MAX) return refuse("the model has more than 64 GiB of constants");
    return static_cast<uint32_t>(unit);
  }

  // A size as itself, an expression as the string -1 - value.
  int32_t encode_dim(const Dim& dim) {
    if (dim.is_const() && dim.value() >= 0 && dim.value() <= kMaxDim) return static_cast<int32_t>(dim.value());
    return -1 - static_cast<int32_t>(strings_.add(dim.to_string()));
  }

  std::vector<int32_t> encode_dims(const Shape& shape) {
    std::vector<int32_t> out;
    for (const Dim& dim : shape) out.push_back(encode_dim(dim));
    return out;
  }

  Result<uint32_t> encode_quant(const TensorDesc& desc, size_t scales_piece) {
    const Quant& quant = desc.quant;
    if (quant == Quant{}) return 0u;
    if (quant.axis < 0 || quant.axis > UINT8_MAX || quant.group_size < 0 || quant.group_size > UINT16_MAX) {
      return refuse(format("tensor '%s': quantization axis %d or group size %d is out of range", desc.name.c_str(),
                           quant.axis, quant.group_size));
    }
    uint32_t scales = 0;
    if (quant.scales.size() == 1) scales = std::bit_cast<uint32_t>(quant.scales[0]);
    if (quant.scales.size() > 1) {
      NBL_TRY(scales, data_unit(scales_piece));
    }
    const fbs::Quantization stored(static_cast<uint8_t>(quant.kind), static_cast<uint8_t>(quant.axis),
                                   static_cast<uint16_t>(quant.group_size), quant.zero_point,
                                   static_cast<uint32_t>(quant.scales.size()), scales);
    return quants_.add({stored}) + 1;
  }

  Status encode_tensor(size_t i) {
    const Tensor& tensor = graph_.tensors[i];
    const TensorDesc& desc = tensor.desc;
    if (desc.shape.size() > fbs::kMaxRank) {
      return refuse(format("tensor '%s' has %zu dimensions, at most %zu are possible", desc.name.c_str(),
                           desc.shape.size(), fbs::kMaxRank));
    }
    NBL_TRY(const uint32_t quant, encode_quant(desc, pieces_[i].scales));
    uint32_t data = 0;
    if (tensor.constant) {
      NBL_TRY(data, data_unit(pieces_[i].constant));
    }
    tensors_.emplace_back(static_cast<uint8_t>(desc.type), static_cast<uint8_t>(desc.packing),
                          static_cast<uint8_t>(desc.shape.size()), static_cast<uint8_t>(tensor.is_constant()),
                          dims_.add(encode_dims(desc.shape)), quant, data);
    return {};
  }

  uint32_t encode_list(const std::vector<int64_t>* integers, const std::vector<float>* numbers,
                       const std::vector<int32_t>* dims) {
    std::string key;
    const auto append = [&key](char kind, const auto* items) {
      if (!items) return;
      key += kind;
      key.append(reinterpret_cast<const char*>(items->data()), items->size() * sizeof((*items)[0]));
    };
    append('i', integers);
    append('n', numbers);
    append('d', dims);
    const auto [found, fresh] = list_index_.emplace(std::move(key), static_cast<uint32_t>(lists_.size()));
    if (fresh) {
      const auto i = integers ? builder_.CreateVector(*integers) : 0;
      const auto n = numbers ? builder_.CreateVector(*numbers) : 0;
      const auto d = dims ? builder_.CreateVector(*dims) : 0;
      lists_.push_back(fbs::CreateList(builder_, i, n, d));
    }
    return found->second;
  }

  fbs::Attribute encode_attribute(const Attribute& attribute) {
    fbs::AttributeType type = fbs::AttributeType::boolean;
    uint32_t value = 0;
    if (const auto* b = std::get_if<bool>(&attribute.value)) {
      value = *b;
    } else if (const auto* i = std::get_if<int32_t>(&attribute.value)) {
      type = fbs::AttributeType::integer;
      value = static_cast<uint32_t>(*i);
    } else if (const auto* f = std::get_if<float>(&attribute.value)) {
      type = fbs::AttributeType::number;
      value = std::bit_cast<uint32_t>(*f);
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute.value)) {
      type = fbs::AttributeType::integers;
      value = encode_list(integers, nullptr, nullptr);
    } else if (const auto* numbers = std::get_if<std::vector<float>>(&attribute.value)) {
      type = fbs::AttributeType::numbers;
      value = encode_list(nullptr, numbers, nullptr);
    } else {
      type = fbs::AttributeType::dims;
      const std::vector<int32_t> dims = encode_dims(std::get<Shape>(attribute.value));
      value = encode_list(nullptr, nullptr, &dims);
    }
    const auto name = static_cast<uint16_t>(attribute_names_.add(std::string(attribute.name)));
    return {name, static_cast<uint8_t>(type), attribute.optional ? fbs::kOptionalAttribute : uint8_t{0}, value};
  }

  Result<uint32_t> encode_name(const std::string& name) {
    if (name.size() <= fbs::kMaxNameBytes) return strings_.add(name);
    return refuse(format("the name '%.80s...' has %zu bytes, at most %zu are possible", name.c_str(), name.size(),
                         fbs::kMaxNameBytes));
  }

  Status encode_node(const Node& node) {
    if (node.inputs.size() > fbs::kMaxNodeInputs || node.outputs.size() > fbs::kMaxNodeOutputs) {
      return refuse(format("node '%s' has %zu inputs and %zu outputs, at most %zu and %zu are possible",
                           node.name.c_str(), node.inputs.size(), node.outputs.size(), fbs::kMaxNodeInputs,
                           fbs::kMaxNodeOutputs));
    }
    NBL_TRY(const uint32_t name, encode_name(node.name));
    std::vector<fbs::Attribute> attributes;
    for (const Attribute& attribute : changed_attributes(*node.op)) attributes.push_back(encode_attribute(attribute));
    const uint16_t id = op_id(*node.op);
    nodes_.emplace_back(name, id, fbs::operator_version(id), attributes.empty() ? 0 : attributes_.add(attributes),
                        static_cast<uint16_t>(attributes.size()), static_cast<uint16_t>(node.inputs.size()),
                        static_cast<uint16_t>(node.outputs.size()));
    edges_.insert(edges_.end(), node.inputs.begin(), node.inputs.end());
    edges_.insert(edges_.end(), node.outputs.begin(), node.outputs.end());
    return {};
  }

  // Constants go by what the rule calls them, unless an application sees them.
  Status encode_names() {
    std::vector<bool> visible(graph_.tensors.size(), false);
    for (TensorId id : graph_.inputs) visible[static_cast<size_t>(id)] = true;
    for (TensorId id : graph_.outputs) visible[static_cast<size_t>(id)] = true;
    const std::vector<std::string> derived = derived_names(graph_);
    for (size_t i = 0; i < graph_.tensors.size(); ++i) {
      const Tensor& tensor = graph_.tensors[i];
      if (tensor.desc.name == derived[i] || (tensor.is_constant() && !visible[i])) continue;
      NBL_TRY(const uint32_t name, encode_name(tensor.desc.name));
      names_.emplace_back(static_cast<uint32_t>(i), name);
    }
    return {};
  }

  Result<std::vector<uint8_t>> finish() {
    auto& b = builder_;
    const auto attribute_names = b.CreateVector(front_code(attribute_names_.items()));
    const auto strings = b.CreateVector(front_code(strings_.items()));
    const auto dims = b.CreateVector(dims_.items());
    const auto quants = b.CreateVectorOfStructs(quants_.items());
    const auto tensors = b.CreateVectorOfStructs(tensors_);
    const auto names = b.CreateVectorOfStructs(names_);
    const auto edges = b.CreateVector(edges_);
    const auto attributes = b.CreateVectorOfStructs(attributes_.items());
    const auto lists = b.CreateVector(lists_);
    const auto nodes = b.CreateVectorOfStructs(nodes_);
    const auto inputs = b.CreateVector(graph_.inputs);
    const auto outputs = b.CreateVector(graph_.outputs);
    b.Finish(fbs::CreateGraph(b, attribute_names, strings, dims, quants, tensors, names, edges, attributes, lists,
                              nodes, inputs, outputs));
    return std::vector<uint8_t>(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  }

  const Graph& graph_;
  DataLayout& data_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Pieces> pieces_;
  StringPool attribute_names_, strings_;
  RunPool<int32_t> dims_;
  RunPool<fbs::Quantization> quants_;
  RunPool<fbs::Attribute> attributes_;
  std::unordered_map<std::string, uint32_t> list_index_;
  std::vector<flatbuffers::Offset<fbs::List>> lists_;
  std::vector<fbs::Tensor> tensors_;
  std::vector<fbs::TensorName> names_;
  std::vector<fbs::Node> nodes_;
  std::vector<int32_t> edges_;
};

}  // namespace

Result<std::vector<uint8_t>> encode_graph(const Graph& graph, DataLayout& data) {
  // Far below FlatBuffers' 2 GiB for any graph of that many items.
  constexpr size_t kMaxItems = size_t{1} << 20;
  if (graph.outputs.empty()) return refuse("the graph has no outputs");
  if (graph.tensors.size() > kMaxItems || graph.nodes.size() > kMaxItems) {
    return refuse(format("the graph has %zu tensors and %zu nodes, at most %zu are possible", graph.tensors.size(),
                         graph.nodes.size(), kMaxItems));
  }
  return GraphEncoder(graph, data).run();
}

Result<std::vector<uint8_t>> encode_metadata(const std::map<std::string, std::string>& metadata) {
  uint64_t bytes = 0;
  for (const auto& [key, value] : metadata) bytes += key.size() + value.size() + 64;
  if (bytes > fbs::kMaxFlatBytes / 2) {
    return refuse(
        format("the metadata has %llu bytes, too many for a model file", static_cast<unsigned long long>(bytes)));
  }
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<fbs::Entry>> entries;
  for (const auto& [key, value] : metadata) {
    const auto k = builder.CreateString(key), v = builder.CreateString(value);
    entries.push_back(fbs::CreateEntry(builder, k, v));
  }
  builder.Finish(fbs::CreateMetadata(builder, builder.CreateVector(entries)));
  return std::vector<uint8_t>(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

}  // namespace nibble
