#include "converter/quantize/formats.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/codebook.h"
#include "converter/quantize/power_of_two.h"
#include "core/half.h"
#include "core/text.h"

namespace nibble::quantization {

const char* to_string(WeightFormat format) {
  switch (format) {
    case WeightFormat::fp32: return "fp32";
    case WeightFormat::fp16: return "fp16";
    case WeightFormat::int8: return "int8";
    case WeightFormat::int4: return "int4";
    case WeightFormat::lut4: return "lut4";
    case WeightFormat::ternary: return "ternary";
    case WeightFormat::sign: return "sign";
  }
  return "?";
}

bool has_codebook(WeightFormat format) {
  return format == WeightFormat::lut4 || format == WeightFormat::ternary || format == WeightFormat::sign;
}

const char* to_string(ActivationFormat format) {
  switch (format) {
    case ActivationFormat::real: return "float";
    case ActivationFormat::fp16: return "fp16";
    case ActivationFormat::int8: return "int8";
  }
  return "?";
}

bool has_weights(const Node& node) {
  return op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node);
}

Status check_finite(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (!has_weights(node)) continue;
    for (const size_t slot : {conv_input::weights, conv_input::bias}) {
      if (slot >= node.inputs.size() || node.inputs[slot] == kNoTensor) continue;
      const Tensor& tensor = graph.tensor(node.inputs[slot]);
      if (!tensor.is_constant() || tensor.desc.type != DType::f32) continue;
      const auto values = tensor.constant->as<float>();
      const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
      if (bad == values.end()) continue;
      return Error{Code::invalid_argument,
                   format("%s '%s': its %s hold NaN or infinity, expected numbers (value %zu of %zu is %g)",
                          op_name(node), node.name.c_str(), slot == conv_input::weights ? "weights" : "biases",
                          static_cast<size_t>(bad - values.begin()), values.size(), static_cast<double>(*bad))};
    }
  }
  return {};
}

int32_t groups_of(const Node& node) {
  if (const auto* conv = op_if<Conv2d>(node)) return conv->groups;
  if (const auto* conv = op_if<ConvTranspose2d>(node)) return conv->groups;
  return 1;
}

namespace {

bool kept_wide(const Node& node, const Options& options) {
  return std::any_of(options.keep_wide.begin(), options.keep_wide.end(),
                     [&](const std::regex& r) { return std::regex_search(node.name, r); });
}

WeightFormat wider(WeightFormat format) {
  return format == WeightFormat::int4 || has_codebook(format) ? WeightFormat::int8
         : format == WeightFormat::int8                       ? WeightFormat::fp16
                                                              : WeightFormat::fp32;
}

// True when x is a graph input, possibly behind nodes that only move elements.
bool reads_input(const Graph& graph, TensorId x) {
  const std::vector<NodeId> from = producers(graph);
  for (size_t hops = 0; hops < 8; ++hops) {
    if (std::find(graph.inputs.begin(), graph.inputs.end(), x) != graph.inputs.end()) return true;
    const NodeId n = from[static_cast<size_t>(x)];
    if (n < 0) return false;
    const Node& node = graph.nodes[static_cast<size_t>(n)];
    const bool moves = op_if<Transpose>(node) || op_if<Pad>(node) || op_if<Reshape>(node) || op_if<Slice>(node) ||
                       op_if<Concat>(node) || op_if<Convert>(node) || op_if<Unary>(node);
    if (!moves) return false;
    x = node.inputs[0];
  }
  return false;
}

int64_t weight_count(const Graph& graph, const Node& node) {
  const Dim size = elements(graph.desc(node.inputs[conv_input::weights]).shape);
  return size.is_const() ? size.value() : 0;
}

// True for the smallest layers of a network, as many sizes as hold a thirty-second of its weights together: int4 saves
// next to nothing there, and they are the first and the last ones, whose errors grow or are made up for by nothing
// behind them. (The last layer of ResNet20, 640 of 270,000 weights: 26.5 dB of the scores in int4, 27.3 dB in int8.)
bool is_small(const Graph& graph, const Node& node) {
  constexpr int64_t kSmallShare = 32;
  const int64_t own = weight_count(graph, node);
  int64_t all = 0, smaller = 0;
  for (const Node& other : graph.nodes) {
    if (!has_weights(other)) continue;
    const int64_t weights = weight_count(graph, other);
    all += weights;
    smaller += weights <= own ? weights : 0;
  }
  return smaller * kSmallShare <= all;
}

}  // namespace

Choice choose_format(const Graph& graph, const Node& node, const Options& options) {
  Choice choice{options.weights, "", options.group_size};
  const auto planned = options.layers.find(node.name);
  if (planned != options.layers.end()) choice = {planned->second.format, "", planned->second.group_size};
  const TensorDesc& desc = graph.desc(node.inputs[conv_input::weights]);
  if (choice.format == WeightFormat::int4 || has_codebook(choice.format)) {
    const int64_t per_group = desc.shape[1].value();
    const int32_t groups = groups_of(node);
    if (groups > 1 && per_group == 1) {
      choice = {WeightFormat::int8, std::string("depthwise: too few weights an output for ") + to_string(choice.format),
                0};
    } else if (groups > 1 && (per_group % 4 != 0 || (desc.shape[0].value() / groups) % 4 != 0)) {
      choice = {WeightFormat::int8, "channels per group do not divide by 4", 0};
    } else if (desc.quant.kind != Quant::Kind::none) {
      choice = {WeightFormat::int8, "the network brings int8 scales of its own", 0};
    } else if (planned == options.layers.end() && reads_input(graph, node.inputs[conv_input::x])) {
      choice = {WeightFormat::int8, "first layer", 0};
    } else if (planned == options.layers.end() && is_small(graph, node)) {
      choice = {WeightFormat::int8, "few weights", 0};
    }
  }
  // Little is saved there, and errors of early, small layers are the ones that grow (YOLOX-nano: 7 % of the largest
  // output with all layers in fp16, 0.9 % with those up to this size in fp32).
  constexpr int64_t kSmallLayer = 2048;
  if (planned == options.layers.end() && choice.format == WeightFormat::fp16 &&
      elements(desc.shape).value() <= kSmallLayer) {
    choice = {WeightFormat::fp32, "too few weights to be worth fp16", 0};
  }
  if (kept_wide(node, options)) choice = {wider(choice.format), "--keep-wide", choice.group_size};
  return choice;
}

const RoundedLayer* rounded_elsewhere(const Graph& graph, const Node& node, const Options& options) {
  const auto found = options.rounded.find(node.name);
  if (found == options.rounded.end()) return nullptr;
  // A codebook's scales are its own; others would have to become powers of two.
  const bool taken = !options.power_of_two || has_codebook(choose_format(graph, node, options).format);
  return taken ? &found->second : nullptr;
}

Result<QuantizedWeights> round_weights(const Graph& graph, const Node& node, const Choice& choice,
                                       const Options& options) {
  const Tensor& tensor = graph.tensor(node.inputs[conv_input::weights]);
  const Shape& shape = tensor.desc.shape;
  const int64_t outputs = shape[0].value(), inputs = shape[1].value();
  const int64_t kernel = shape.size() == 4 ? shape[2].value() * shape[3].value() : 1;
  const bool int4 = choice.format == WeightFormat::int4, looked_up = has_codebook(choice.format);
  if (const RoundedLayer* rounded = rounded_elsewhere(graph, node, options)) {
    const QuantizedWeights& w = rounded->weights;
    const int32_t expected = int4 ? choice.group_size : 0;
    if (w.outputs != outputs || w.inputs != inputs || w.kernel != kernel || w.group_size != expected) {
      return Error{Code::internal,
                   format("its rounded weights are [%lld, %lld, %lld] in groups of %d, expected [%lld, %lld, %lld] in "
                          "groups of %d",
                          static_cast<long long>(w.outputs), static_cast<long long>(w.inputs),
                          static_cast<long long>(w.kernel), w.group_size, static_cast<long long>(outputs),
                          static_cast<long long>(inputs), static_cast<long long>(kernel), expected)};
    }
    if (looked_up != !w.codebook.empty()) {
      return Error{Code::internal, format("its rounded weights %s a codebook", looked_up ? "lack" : "have")};
    }
    return w;
  }
  const auto values = tensor.constant->as<float>();
  if (options.power_of_two && !looked_up && own_scales(tensor).empty()) {
    if (int4) return round_int4_power_of_two(values, outputs, inputs, kernel, choice.group_size);
    return round_int8_power_of_two(values, outputs, inputs, kernel);
  }
  if (int4) return round_int4(values, outputs, inputs, kernel, choice.group_size);
  if (looked_up) return round_shared(choice.format, values, outputs, inputs, kernel, groups_of(node), {});
  return round_int8(values, outputs, inputs, kernel, own_scales(tensor));
}

std::span<const float> own_scales(const Tensor& weights) {
  // Scales along another axis (a transposed weight matrix, say) do not fit one per output.
  const Quant& quant = weights.desc.quant;
  const bool usable = quant.scales.size() == 1 ||
                      (quant.axis == 0 && quant.scales.size() == static_cast<size_t>(weights.desc.shape[0].value()));
  return usable ? std::span<const float>(quant.scales) : std::span<const float>();
}

Result<std::vector<float>> bias_of(const Graph& graph, const Node& node, const Options& options) {
  const auto outputs = static_cast<size_t>(graph.desc(node.inputs[conv_input::weights]).shape[0].value());
  std::vector<float> out(outputs, 0.0f);
  if (const RoundedLayer* rounded = rounded_elsewhere(graph, node, options); rounded && !rounded->bias.empty()) {
    if (rounded->bias.size() != outputs) {
      return Error{Code::internal,
                   format("its corrected bias has %zu values, expected %zu", rounded->bias.size(), outputs)};
    }
    return rounded->bias;
  }
  if (node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor) {
    const auto values = graph.tensor(node.inputs[conv_input::bias]).constant->as<float>();
    std::copy(values.begin(), values.end(), out.begin());
  }
  return out;
}

WeightConstants add_weight_constants(Graph& graph, const QuantizedWeights& w, const Shape& shape) {
  WeightConstants out;
  TensorDesc desc;
  desc.shape = shape;
  if (w.groups == 0) {
    desc.type = w.codebook.empty() ? DType::i8 : DType::lut4;
    desc.quant = Quant::channel(0, w.scales);
  } else {
    desc.type = DType::i4;
    desc.quant = {Quant::Kind::per_group, 0, w.group_size, 0, w.scales};
    TensorDesc multipliers;
    multipliers.type = DType::u8;
    multipliers.shape = {w.outputs, w.groups};
    out.group_multipliers = graph.add_constant(multipliers, ConstantData::of(w.multipliers));
  }
  if (w.codebook.empty()) {
    out.weights = graph.add_constant(desc, ConstantData::of(w.values));
    return out;
  }
  std::vector<uint8_t> indices;
  for (int8_t value : w.values) {
    const auto at = std::find(w.codebook.begin(), w.codebook.end(), value);
    indices.push_back(static_cast<uint8_t>(at - w.codebook.begin()));
  }
  TensorDesc codebook;
  codebook.type = DType::i8;
  codebook.shape = {static_cast<int64_t>(w.codebook.size())};
  out.group_multipliers = graph.add_constant(codebook, ConstantData::of(w.codebook));
  out.weights = graph.add_constant(desc, ConstantData::of(indices));
  return out;
}

TensorId add_f32(Graph& graph, Shape shape, const std::vector<float>& values) {
  return graph.add_constant({"", DType::f32, std::move(shape), {}, Packing::plain}, ConstantData::of(values));
}

TensorId add_i32(Graph& graph, const std::vector<int32_t>& values) {
  return graph.add_constant({"", DType::i32, {static_cast<int64_t>(values.size())}, {}, Packing::plain},
                            ConstantData::of(values));
}

TensorId add_u8(Graph& graph, const std::vector<uint8_t>& values) {
  return graph.add_constant({"", DType::u8, {static_cast<int64_t>(values.size())}, {}, Packing::plain},
                            ConstantData::of(values));
}

TensorId add_f16(Graph& graph, Shape shape, std::span<const float> values) {
  std::vector<uint16_t> halves;
  for (float v : values) halves.push_back(half_from_float(v));
  return graph.add_constant({"", DType::f16, std::move(shape), {}, Packing::plain}, ConstantData::of(halves));
}

}  // namespace nibble::quantization
