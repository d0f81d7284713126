#include "format/graph_decoder.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "core/text.h"
#include "core/try.h"
#include "format/attributes.h"
#include "format/data_layout.h"
#include "format/front_coding.h"
#include "format/packing.h"
#include "format/schema.h"
#include "format/tensor_names.h"
#include "ops/op.h"

namespace nibble {
namespace {

Error corrupt(std::string message) { return Error{Code::corrupt_file, "section GRPH: " + std::move(message)}; }
Error newer(std::string message) { return Error{Code::unsupported_version, std::move(message)}; }

// Runs that the file stores once may be used by many tensors and nodes. What they become in memory is bounded by a
// multiple of the bytes that are stored (not of what they expand to), so that a small file cannot ask for a large
// allocation or much work.
class Budget {
 public:
  explicit Budget(uint64_t file_bytes) : left_((uint64_t{1} << 22) + 32 * file_bytes) {}
  Status take(uint64_t bytes) {
    if (bytes > left_) return corrupt("it describes far more than the file can hold");
    left_ -= bytes;
    return {};
  }
  uint64_t left() const { return left_; }

 private:
  uint64_t left_;
};

class GraphDecoder {
 public:
  GraphDecoder(const fbs::Graph& in, std::span<const std::byte> section, std::span<const std::byte> data,
               uint64_t stored_bytes, std::shared_ptr<const void> owner)
      : in_(in),
        data_(data),
        owner_(std::move(owner)),
        budget_(section.size() + stored_bytes),
        dims_(fbs::items(in.dims())),
        edges_(fbs::items(in.edges())) {}

  Result<Graph> run() {
    NBL_CHECK(decode_strings());
    for (const fbs::Tensor& tensor : fbs::items(in_.tensors())) {
      auto status = decode_tensor(tensor);
      if (!status) return std::move(status).error().with_context(format("tensor %zu", out_.tensors.size()));
    }
    for (const fbs::Node& node : fbs::items(in_.nodes())) NBL_CHECK(decode_node(node));
    if (next_edge_ != edges_.size()) return corrupt("nodes use fewer tensors than are listed");
    NBL_TRY(out_.inputs, tensor_ids(fbs::items(in_.inputs())));
    NBL_TRY(out_.outputs, tensor_ids(fbs::items(in_.outputs())));
    if (out_.outputs.empty()) return corrupt("the graph has no outputs");
    NBL_CHECK(decode_names());
    NBL_CHECK(check_sources());
    return std::move(out_);
  }

 private:
  Status decode_strings() {
    const uint64_t bytes = budget_.left();
    NBL_TRY(attribute_names_, front_decode(fbs::items(in_.attribute_names()), fbs::kMaxNameBytes, bytes));
    NBL_TRY(strings_, front_decode(fbs::items(in_.strings()), fbs::kMaxNameBytes, bytes));
    return {};
  }

  static Result<std::string_view> string_at(const std::vector<std::string>& strings, uint64_t index) {
    if (index >= strings.size()) return corrupt("a name lies outside the table of names");
    return std::string_view(strings[static_cast<size_t>(index)]);
  }

  Result<Dim> decode_dim(int32_t value) {
    if (value >= 0) return Dim(value);
    const auto index = static_cast<uint32_t>(-1 - int64_t{value});
    auto found = expressions_.find(index);
    if (found == expressions_.end()) {
      NBL_TRY(const std::string_view text, string_at(strings_, index));
      // Products of sums multiply out while they are parsed: the work counts, whatever is left in the end.
      constexpr uint64_t kWorkPerCharacter = 256;
      NBL_CHECK(budget_.take(kWorkPerCharacter * text.size()));
      auto dim = Dim::parse(text);
      if (!dim) return corrupt(std::move(dim).error().message);
      // A term of the polynomial takes some 20 times the characters of its text.
      const uint64_t cost = 32 * dim->to_string().size();
      found = expressions_.emplace(index, Expression{std::move(*dim), cost}).first;
    }
    NBL_CHECK(budget_.take(found->second.cost));
    return found->second.dim;
  }

  Result<Shape> decode_dims(std::span<const int32_t> values) {
    if (values.size() > fbs::kMaxRank) return corrupt("a shape has too many dimensions");
    Shape out;
    out.reserve(values.size());
    for (int32_t value : values) {
      NBL_TRY(Dim dim, decode_dim(value));
      out.push_back(std::move(dim));
    }
    return out;
  }

  Result<Shape> decode_shape(const fbs::Tensor& in) {
    if (in.dims() > dims_.size() || in.rank() > dims_.size() - in.dims()) {
      return corrupt("its shape lies outside the table of shapes");
    }
    NBL_TRY(Shape shape, decode_dims(dims_.subspan(in.dims(), in.rank())));
    constexpr int64_t kMaxElements = int64_t{1} << 40;
    int64_t elements = 1;
    for (const Dim& dim : shape) {
      if (!dim.is_const()) continue;
      const int64_t size = dim.value();
      if (size < (in.constant() ? 0 : 1) || size > kMaxDim) return corrupt("a size is out of range");
      if (size > 0 && elements > kMaxElements / size) return corrupt("it has too many elements");
      elements *= size;
    }
    return shape;
  }

  Result<std::vector<float>> decode_scales(const fbs::Quantization& in) {
    std::vector<float> out;
    if (in.count() == 1) out.push_back(std::bit_cast<float>(in.scales()));
    if (in.count() > 1) {
      const uint64_t bytes = uint64_t{in.count()} * sizeof(float), offset = uint64_t{in.scales()} * kDataUnit;
      if (offset > data_.size() || bytes > data_.size() - offset) return corrupt("its scales lie outside section DATA");
      NBL_CHECK(budget_.take(bytes));
      out.resize(in.count());
      std::memcpy(out.data(), data_.data() + offset, bytes);
    }
    for (float scale : out) {
      if (!std::isfinite(scale) || scale < 0) return corrupt("a scale is negative or not a number");
    }
    return out;
  }

  Status check_quant(const TensorDesc& desc) {
    const Quant& q = desc.quant;
    switch (q.kind) {
      case Quant::Kind::none: return q == Quant{} ? Status{} : corrupt("it has scales without quantization");
      case Quant::Kind::per_tensor:
        return q.scales.size() == 1 ? Status{} : corrupt(format("it has %zu scales, expected one", q.scales.size()));
      case Quant::Kind::per_group:
        if (q.group_size < 1) return corrupt("it is quantized in groups of size 0");
        [[fallthrough]];
      case Quant::Kind::per_channel: break;
    }
    if (static_cast<size_t>(q.axis) >= desc.shape.size()) return corrupt("its quantization axis is no axis of it");
    if (desc.shape[static_cast<size_t>(q.axis)] == Dim(static_cast<int64_t>(q.scales.size()))) return {};
    return corrupt(
        format("it has %zu scales for shape %s along axis %d", q.scales.size(), to_string(desc.shape).c_str(), q.axis));
  }

  Status decode_quant(uint32_t index, TensorDesc& desc) {
    if (index == 0) return {};
    const auto quants = fbs::items(in_.quants());
    if (index > quants.size()) return corrupt("its quantization lies outside the table");
    const fbs::Quantization& in = quants[index - 1];
    if (in.kind() > static_cast<uint8_t>(Quant::Kind::per_group)) {
      return newer(format("quantization of kind %u is not known to this version of nibble", in.kind()));
    }
    desc.quant.kind = static_cast<Quant::Kind>(in.kind());
    desc.quant.axis = in.axis();
    desc.quant.group_size = in.group_size();
    desc.quant.zero_point = in.zero_point();
    NBL_TRY(desc.quant.scales, decode_scales(in));
    return check_quant(desc);
  }

  Status decode_tensor(const fbs::Tensor& in) {
    if (in.type() >= kDTypeCount) {
      return newer(format("element type %u is not known to this version of nibble", in.type()));
    }
    if (in.packing() > static_cast<uint8_t>(Packing::group_multipliers)) {
      return newer(format("packing %u is not known to this version of nibble", in.packing()));
    }
    if (in.constant() > 1 || (!in.constant() && (in.packing() != 0 || in.data() != 0))) {
      return corrupt("it is neither a constant nor computed");
    }
    Tensor tensor;
    tensor.desc.type = static_cast<DType>(in.type());
    tensor.desc.packing = static_cast<Packing>(in.packing());
    NBL_TRY(tensor.desc.shape, decode_shape(in));
    NBL_CHECK(decode_quant(in.quant(), tensor.desc));
    if (in.constant()) {
      NBL_TRY(tensor.constant, decode_constant(tensor.desc, uint64_t{in.data()} * kDataUnit));
    }
    out_.tensors.push_back(std::move(tensor));
    return {};
  }

  Result<ConstantData> decode_constant(const TensorDesc& desc, uint64_t offset) const {
    auto bytes = stored_bytes(desc);
    if (!bytes) return corrupt(std::move(bytes).error().message);
    if (offset > data_.size() || *bytes > data_.size() - offset) {
      return corrupt(format("its %llu bytes at %llu lie outside section DATA of %zu bytes",
                            static_cast<unsigned long long>(*bytes), static_cast<unsigned long long>(offset),
                            data_.size()));
    }
    return ConstantData{data_.subspan(static_cast<size_t>(offset), static_cast<size_t>(*bytes)), owner_};
  }

  template <class T, class Vector>
  Result<std::vector<T>> decode_numbers(const Vector* in) {
    std::vector<T> out;
    if (!in) return out;
    NBL_CHECK(budget_.take(uint64_t{in->size()} * sizeof(T)));
    out.reserve(in->size());
    for (flatbuffers::uoffset_t i = 0; i < in->size(); ++i) out.push_back(in->Get(i));
    return out;
  }

  Result<const fbs::List*> list_at(uint32_t index) const {
    if (!in_.lists() || index >= in_.lists()->size()) return corrupt("an attribute's list is outside the table");
    return in_.lists()->Get(index);
  }

  Result<AttributeValue> decode_value(const fbs::Attribute& in, std::string_view name) {
    switch (static_cast<fbs::AttributeType>(in.type())) {
      case fbs::AttributeType::boolean: return AttributeValue(in.value() != 0);
      case fbs::AttributeType::integer: return AttributeValue(static_cast<int32_t>(in.value()));
      case fbs::AttributeType::number: return AttributeValue(std::bit_cast<float>(in.value()));
      case fbs::AttributeType::integers: {
        NBL_TRY(const fbs::List* list, list_at(in.value()));
        NBL_TRY(auto numbers, decode_numbers<int64_t>(list->integers()));
        return AttributeValue(std::move(numbers));
      }
      case fbs::AttributeType::numbers: {
        NBL_TRY(const fbs::List* list, list_at(in.value()));
        NBL_TRY(auto numbers, decode_numbers<float>(list->numbers()));
        return AttributeValue(std::move(numbers));
      }
      case fbs::AttributeType::dims: {
        NBL_TRY(const fbs::List* list, list_at(in.value()));
        NBL_TRY(Shape shape, decode_dims(fbs::items(list->dims())));
        return AttributeValue(std::move(shape));
      }
    }
    return newer(
        format("attribute '%s' has a type that is not known to this version of nibble", std::string(name).c_str()));
  }

  Result<std::vector<Attribute>> decode_attributes(const fbs::Node& in) {
    const auto all = fbs::items(in_.attributes());
    if (in.attribute_count() > fbs::kMaxNodeAttributes) return corrupt("it has too many attributes");
    if (in.attributes() > all.size() || in.attribute_count() > all.size() - in.attributes()) {
      return corrupt("its attributes lie outside the table");
    }
    std::vector<Attribute> out;
    for (const fbs::Attribute& stored : all.subspan(in.attributes(), in.attribute_count())) {
      const bool optional = stored.flags() & fbs::kOptionalAttribute;
      NBL_TRY(const std::string_view name, string_at(attribute_names_, stored.name()));
      auto value = decode_value(stored, name);
      if (!value && optional && value.error().code == Code::unsupported_version) continue;
      if (!value) return std::move(value).error();
      out.push_back({name, std::move(*value), optional});
    }
    return out;
  }

  Result<std::shared_ptr<const Op>> decode_op(const fbs::Node& in) {
    std::optional<Op> op = make_op(in.op());
    if (!op) return newer(format("operator number %u is not known to this version of nibble", in.op()));
    if (in.version() == 0) return corrupt("it has operator version 0");
    if (in.version() > fbs::operator_version(in.op())) {
      return newer(format("version %u of operator %s is not known to this version of nibble, which has %u",
                          in.version(), op_name(*op), fbs::operator_version(in.op())));
    }
    NBL_TRY(const std::vector<Attribute> attributes, decode_attributes(in));
    auto status = set_attributes(*op, attributes);
    if (!status) return std::move(status).error().with_context(op_name(*op));
    return std::make_shared<const Op>(std::move(*op));
  }

  Result<std::vector<TensorId>> take_edges(size_t count) {
    if (count > edges_.size() - next_edge_) return corrupt("nodes use more tensors than are listed");
    const auto ids = edges_.subspan(next_edge_, count);
    next_edge_ += count;
    return std::vector<TensorId>(ids.begin(), ids.end());
  }

  Status check_ids(const std::vector<TensorId>& ids, bool optional) const {
    for (TensorId id : ids) {
      if (id == kNoTensor && optional) continue;
      if (id < 0 || static_cast<size_t>(id) >= out_.tensors.size()) return corrupt(format("there is no tensor %d", id));
    }
    return {};
  }

  Result<std::vector<TensorId>> tensor_ids(std::span<const int32_t> ids) const {
    std::vector<TensorId> out(ids.begin(), ids.end());
    NBL_CHECK(check_ids(out, false));
    return out;
  }

  Status decode_node(const fbs::Node& in) {
    Node node;
    NBL_TRY(const std::string_view name, string_at(strings_, in.name()));
    NBL_CHECK(budget_.take(name.size()));
    node.name = name;
    auto op = decode_op(in);
    if (!op) return std::move(op).error().with_context(format("node '%s'", node.name.c_str()));
    node.op = std::move(*op);
    if (in.inputs() > fbs::kMaxNodeInputs || in.outputs() > fbs::kMaxNodeOutputs) {
      return corrupt(format("node '%s' has too many inputs or outputs", node.name.c_str()));
    }
    NBL_TRY(node.inputs, take_edges(in.inputs()));
    NBL_TRY(node.outputs, take_edges(in.outputs()));
    NBL_CHECK(check_ids(node.inputs, true));
    NBL_CHECK(check_ids(node.outputs, false));
    out_.nodes.push_back(std::move(node));
    return {};
  }

  Status decode_names() {
    // Each tensor is named after the node that makes it, which may make many.
    for (const Node& node : out_.nodes) NBL_CHECK(budget_.take(node.name.size() * (node.outputs.size() + 1)));
    std::vector<std::string> names = derived_names(out_);
    for (size_t i = 0; i < names.size(); ++i) out_.tensors[i].desc.name = std::move(names[i]);
    int64_t last = -1;
    for (const fbs::TensorName& in : fbs::items(in_.names())) {
      if (int64_t{in.tensor()} <= last || in.tensor() >= out_.tensors.size()) {
        return corrupt("the table of tensor names is out of order");
      }
      last = in.tensor();
      NBL_TRY(const std::string_view name, string_at(strings_, in.name()));
      out_.tensors[in.tensor()].desc.name = name;
    }
    return {};
  }

  // verify() looks at what is read; here that nothing hangs in the air.
  Status check_sources() const {
    std::vector<bool> known(out_.tensors.size(), false);
    for (TensorId id : out_.inputs) known[static_cast<size_t>(id)] = true;
    for (const Node& node : out_.nodes) {
      for (TensorId id : node.outputs) known[static_cast<size_t>(id)] = true;
    }
    for (size_t i = 0; i < known.size(); ++i) {
      if (!known[i] && !out_.tensors[i].is_constant()) return corrupt(format("nothing writes tensor %zu", i));
    }
    return {};
  }

  struct Expression {
    Dim dim;
    uint64_t cost;
  };

  const fbs::Graph& in_;
  std::span<const std::byte> data_;
  std::shared_ptr<const void> owner_;
  Budget budget_;
  std::vector<std::string> attribute_names_, strings_;
  std::span<const int32_t> dims_;
  std::span<const int32_t> edges_;
  size_t next_edge_ = 0;
  std::unordered_map<uint32_t, Expression> expressions_;
  Graph out_;
};

}  // namespace

Result<Graph> decode_graph(std::span<const std::byte> section, std::span<const std::byte> data, uint64_t stored_bytes,
                           std::shared_ptr<const void> owner) {
  NBL_TRY(const fbs::Graph* in, fbs::open_graph(section));
  return GraphDecoder(*in, section, data, stored_bytes, std::move(owner)).run();
}

Result<std::map<std::string, std::string>> decode_metadata(std::span<const std::byte> section) {
  NBL_TRY(const fbs::Metadata* in, fbs::open_metadata(section));
  std::map<std::string, std::string> out;
  if (!in->entries()) return out;
  uint64_t left = section.size();  // entries cannot share strings to look larger than the section
  for (const fbs::Entry* entry : *in->entries()) {
    if (!entry->key() || !entry->value()) return Error{Code::corrupt_file, "section META: an entry lacks its text"};
    const uint64_t bytes = uint64_t{entry->key()->size()} + entry->value()->size();
    if (bytes > left) return Error{Code::corrupt_file, "section META: its texts overlap"};
    left -= bytes;
    if (!out.emplace(entry->key()->str(), entry->value()->str()).second) {
      return Error{Code::corrupt_file, format("section META: '%.80s' occurs twice", entry->key()->c_str())};
    }
  }
  return out;
}

}  // namespace nibble
