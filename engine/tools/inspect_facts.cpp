#include "tools/inspect_facts.h"

#include <set>

#include "core/mapped_file.h"
#include "core/text.h"
#include "core/try.h"
#include "format/container.h"
#include "graph/cost.h"
#include "ops/op.h"

namespace nibble {
namespace {

constexpr size_t kPreviewBytes = 60;

std::string quantization_text(const Quant& quant) {
  switch (quant.kind) {
    case Quant::Kind::none: return "";
    case Quant::Kind::per_tensor:
      return format("scale %.6g, zero point %d", static_cast<double>(quant.scale()), quant.zero_point);
    case Quant::Kind::per_channel: return format("per channel along axis %d", quant.axis);
    case Quant::Kind::per_group: return format("groups of %d", quant.group_size);
  }
  return "";
}

std::vector<TensorFacts> tensor_facts(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<TensorFacts> out;
  for (TensorId id : ids) {
    const TensorDesc& desc = graph.desc(id);
    out.push_back({desc.name, to_string(desc.type), to_string(desc.shape), quantization_text(desc.quant)});
  }
  return out;
}

// The slots that hold what was trained: weights and bias, or scale and bias of a normalization.
bool is_parameter(const Node& node, size_t slot, DType type) {
  const bool product = op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node);
  if (product) return slot == conv_input::weights || slot == conv_input::bias;
  const bool index = type == DType::i32 || type == DType::i64 || type == DType::boolean;
  const bool table = op_if<Unary>(node) && slot == 1;
  return !index && !table;
}

std::string weights_text(const TensorDesc& desc) {
  std::string out = to_string(desc.type);
  if (desc.quant.kind == Quant::Kind::per_group) out += format(" g%d", desc.quant.group_size);
  return out;
}

std::string activations_text(const Graph& graph, const Node& node) {
  const std::string to = node.outputs.empty() ? "" : to_string(graph.desc(node.outputs[0]).type);
  for (TensorId id : node.inputs) {
    if (id == kNoTensor || graph.tensor(id).is_constant()) continue;
    const std::string from = to_string(graph.desc(id).type);
    return from == to ? to : from + " -> " + to;
  }
  return to;
}

// What was counted before: tensors by id, bytes by address, since identical constants lie in the file once.
struct Counted {
  std::set<TensorId> tensors;
  std::set<const std::byte*> bytes;
};

LayerFacts layer_facts(const Graph& graph, const Graph& bound, size_t index, Counted& counted) {
  const Node& node = graph.nodes[index];
  LayerFacts out{.name = node.name, .op = op_name(node), .activations = activations_text(graph, node)};
  if (!node.outputs.empty()) out.shape = to_string(bound.desc(bound.nodes[index].outputs[0]).shape);
  for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
    const TensorId id = node.inputs[slot];
    if (id == kNoTensor || !graph.tensor(id).is_constant()) continue;
    const Tensor& tensor = graph.tensor(id);
    if (out.weights.empty() && is_parameter(node, slot, tensor.desc.type)) out.weights = weights_text(tensor.desc);
    if (!counted.tensors.insert(id).second) continue;
    if (is_parameter(node, slot, tensor.desc.type))
      out.parameters += static_cast<uint64_t>(elements(tensor.desc.shape).evaluate({}));
    if (counted.bytes.insert(tensor.constant->bytes.data()).second) out.bytes += tensor.constant->bytes.size();
  }
  out.multiply_adds = multiply_adds(bound, bound.nodes[index]);
  out.integer = is_integer_node(graph, node);
  return out;
}

std::string preview(const std::string& value) {
  std::string out;
  for (char c : value.substr(0, kPreviewBytes)) {
    const auto code = static_cast<unsigned char>(c);
    out += code < 0x20 || code == 0x7F ? ' ' : c;
  }
  if (value.size() > kPreviewBytes) out += "...";
  return out;
}

}  // namespace

double ModelFacts::integer_share() const {
  if (multiply_adds == 0) return 1.0;
  return static_cast<double>(integer_multiply_adds) / static_cast<double>(multiply_adds);
}

Result<ModelFacts> container_facts(const std::string& path) {
  NBL_TRY(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  auto container = read_container(file->bytes(), true);
  if (!container) return std::move(container).error().with_context(path);
  ModelFacts out{.path = path,
                 .format_major = container->major,
                 .format_minor = container->minor,
                 .file_bytes = file->bytes().size()};
  for (const Section& section : container->sections) out.sections.push_back({section.name(), section.bytes});
  return out;
}

void add_graph(ModelFacts& facts, const Graph& graph, const Graph& bound) {
  facts.inputs = tensor_facts(graph, graph.inputs);
  facts.outputs = tensor_facts(graph, graph.outputs);
  facts.free_dims = free_dims(graph);
  Counted counted;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const LayerFacts layer = layer_facts(graph, bound, i, counted);
    facts.constant_bytes += layer.bytes;
    facts.parameters += layer.parameters;
    facts.multiply_adds += layer.multiply_adds;
    if (layer.integer) facts.integer_multiply_adds += layer.multiply_adds;
    facts.layers.push_back(layer);
  }
  for (const auto& [key, value] : graph.metadata) facts.metadata.push_back({key, value.size(), preview(value)});
}

}  // namespace nibble
