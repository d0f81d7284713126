// Layers with weights: Conv, ConvTranspose, Gemm or MatMul with their constants.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/export/exporter.h"
#include "converter/quantize/formats.h"
#include "core/text.h"
#include "reference/conv_weights.h"

namespace nibble::onnx_export {
namespace {

// Element (o, i, k) of [O, I, kernel] at its place in ONNX.
struct Layout {
  int64_t outputs = 0, inputs = 0, kernel = 1;  // inputs per convolution group
  int32_t groups = 1;
  bool transposed = false;  // [groups * I, O / groups, kernel] in place of [O, I, kernel]

  size_t at(int64_t o, int64_t i, int64_t k) const {
    if (!transposed) return static_cast<size_t>((o * inputs + i) * kernel + k);
    const int64_t per_group = outputs / groups, group = o / per_group;
    return static_cast<size_t>(((group * inputs + i) * per_group + o % per_group) * kernel + k);
  }
};

template <class T>
std::vector<T> arranged(const Layout& layout, const std::vector<T>& values) {
  std::vector<T> out(values.size());
  size_t from = 0;
  for (int64_t o = 0; o < layout.outputs; ++o) {
    for (int64_t i = 0; i < layout.inputs; ++i) {
      for (int64_t k = 0; k < layout.kernel; ++k) out[layout.at(o, i, k)] = values[from++];
    }
  }
  return out;
}

// The weight slots as the oracle takes them.
struct LayerValues {
  std::vector<std::optional<reference::Value>> values;
  std::vector<const reference::Value*> pointers;
  reference::Value none;
  reference::Args<double> args() { return {pointers, none}; }
};

Result<LayerValues> layer_values(const Graph& graph, const Node& node) {
  LayerValues out;
  out.values.resize(node.inputs.size());
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoTensor) continue;
    const Tensor& tensor = graph.tensor(node.inputs[i]);
    if (!tensor.is_constant())
      return Error{Code::unsupported_op, format("%s '%s': computed weights", op_name(node), node.name.c_str())};
    NBL_TRY(out.values[i], reference::constant_value<double>(tensor));
  }
  for (const auto& v : out.values) out.pointers.push_back(v ? &*v : nullptr);
  return out;
}

bool integer_layer(const Graph& graph, const Node& node) { return graph.desc(node.inputs[0]).type == DType::i8; }

// The scale of each output channel, in units of integer_weights().
std::vector<float> output_scales(const Graph& graph, const Node& node, LayerValues& values) {
  const Quant& quant = graph.desc(node.inputs[conv_input::weights]).quant;
  if (!quant.scales.empty()) return quant.scales;
  std::vector<float> out;
  if (node.inputs.size() > conv_input::multiplier && values.values[conv_input::multiplier]) {
    for (double v : values.values[conv_input::multiplier]->real) out.push_back(static_cast<float>(v));
  }
  return out;
}

// Divides each row by what its integers have in common; false, with both half changed, where the rest of one does not
// fit int8.
bool fold_to_int8(std::vector<int64_t>& q, std::vector<float>& scales) {
  if (scales.empty() || q.empty()) return false;
  const size_t row = q.size() / scales.size();
  for (size_t o = 0; o < scales.size(); ++o) {
    const auto first = q.begin() + static_cast<std::ptrdiff_t>(o * row),
               last = first + static_cast<std::ptrdiff_t>(row);
    const auto fits = [](int64_t v) { return v >= -128 && v <= 127; };
    if (std::all_of(first, last, fits)) continue;
    int64_t common = 0;
    for (auto v = first; v != last; ++v) common = std::gcd(common, *v);
    if (!std::all_of(first, last, [&](int64_t v) { return fits(v / common); })) return false;
    // The product must be the same number as before: two floats of which one is a small integer.
    const float scale = scales[o] * static_cast<float>(common);
    for (auto v = first; v != last; ++v) *v /= common;
    scales[o] = scale;
  }
  return true;
}

}  // namespace

Result<std::vector<float>> real_weights(const Graph& graph, const Node& node) {
  NBL_TRY(LayerValues values, layer_values(graph, node));
  std::vector<float> out;
  if (const reference::Value& w = *values.values[conv_input::weights]; w.is_real()) {
    for (double v : w.real) out.push_back(static_cast<float>(v));
    return out;
  }
  const std::vector<float> scales = output_scales(graph, node, values);
  reference::Args<double> args = values.args();
  const std::vector<int64_t> q = reference::integer_weights(args);
  if (scales.empty() || q.size() % scales.size() != 0)
    return Error{Code::unsupported_op, format("%s '%s': %zu scales for %zu weights", op_name(node), node.name.c_str(),
                                              scales.size(), q.size())};
  const size_t row = q.size() / scales.size();
  for (size_t i = 0; i < q.size(); ++i)
    out.push_back(static_cast<float>(static_cast<double>(scales[i / row]) * static_cast<double>(q[i])));
  return out;
}

Result<std::string> Exporter::layer_weights(const Node& node, bool transposed) {
  const TensorDesc& desc = in(node, conv_input::weights);
  NBL_TRY(LayerValues values, layer_values(graph_, node));
  reference::Args<double> args = values.args();
  const std::vector<int64_t> shape = nibble::values(desc.shape);
  Layout layout{shape[0], shape[1], 1, 1, transposed};
  for (size_t i = 2; i < shape.size(); ++i) layout.kernel *= shape[i];
  if (const auto* op = op_if<ConvTranspose2d>(node)) layout.groups = op->groups;
  std::vector<int64_t> dims = shape;
  if (transposed) dims[0] = shape[1] * layout.groups, dims[1] = shape[0] / layout.groups;
  const std::string wish = node.name + ".weight";

  if (desc.type == DType::f32 || desc.type == DType::f16) {
    ++out_.float_layers;
    std::vector<float> real;
    for (double v : values.values[conv_input::weights]->real) real.push_back(static_cast<float>(v));
    real = arranged(layout, real);
    if (desc.type == DType::f32) return model_.constant(wish, dims, real);
    reference::FloatValue half;
    half.desc.type = DType::f16;
    half.real = std::move(real);
    const std::string stored = model_.constant(wish, ElementType::float16, dims, reference::value_bytes(half));
    return model_.node("Cast", {stored}, model_.unique(wish + ":real"),
                       {{"to", static_cast<int64_t>(ElementType::float32)}});
  }
  std::vector<float> scales = output_scales(graph_, node, values);
  const bool one_axis = !transposed || layout.groups == 1;  // where scales follow one axis of ONNX's layout
  if (scales.size() == 1) scales.resize(static_cast<size_t>(layout.outputs), scales[0]);
  if (one_axis && scales.size() == static_cast<size_t>(layout.outputs)) {
    std::vector<int64_t> q = reference::integer_weights(args);
    std::vector<float> folded = scales;
    if (fold_to_int8(q, folded)) {
      ++out_.int8_layers;
      const std::string stored = model_.constant(wish, dims, arranged(layout, std::vector<int8_t>(q.begin(), q.end())));
      const std::string scale = model_.constant(wish + ":scale", {layout.outputs}, folded);
      const std::string zero = model_.constant(wish + ":zero", {layout.outputs}, std::vector<int8_t>(scales.size(), 0));
      return model_.node("DequantizeLinear", {stored, scale, zero}, model_.unique(wish + ":real"),
                         {{"axis", static_cast<int64_t>(transposed ? 1 : 0)}});
    }
  }
  ++out_.float_layers;
  NBL_TRY(const std::vector<float> real, real_weights(graph_, node));
  return model_.constant(wish, dims, arranged(layout, real));
}

// Empty where there is none, or where it adds nothing.
Result<std::string> Exporter::layer_bias(const Node& node) {
  if (node.inputs.size() <= conv_input::bias || node.inputs[conv_input::bias] == kNoTensor) return std::string();
  if (!integer_layer(graph_, node)) return real(node.inputs[conv_input::bias]);
  NBL_TRY(LayerValues values, layer_values(graph_, node));
  reference::Args<double> args = values.args();
  const std::vector<int64_t> weights = reference::integer_weights(args);
  const std::vector<int64_t>& stored = values.values[conv_input::bias]->stored;
  std::vector<float> scales = output_scales(graph_, node, values);
  if (scales.size() == 1) scales.resize(stored.size(), scales[0]);
  if (scales.size() != stored.size() || stored.empty())
    return Error{Code::unsupported_op, format("%s '%s': %zu scales for %zu outputs", op_name(node), node.name.c_str(),
                                              scales.size(), stored.size())};
  const Quant& x = in(node, conv_input::x).quant;
  const size_t row = weights.size() / stored.size();
  std::vector<int32_t> bias;
  for (size_t o = 0; o < stored.size(); ++o) {
    // The file's bias has -z_x * (sum of weights) in it, which DequantizeLinear of x takes out by itself.
    const int64_t sum = std::accumulate(weights.begin() + static_cast<std::ptrdiff_t>(o * row),
                                        weights.begin() + static_cast<std::ptrdiff_t>((o + 1) * row), int64_t{0});
    bias.push_back(static_cast<int32_t>(stored[o] + x.zero_point * sum));
    scales[o] *= x.scale();
  }
  if (std::all_of(bias.begin(), bias.end(), [](int32_t b) { return b == 0; })) return std::string();
  const auto outputs = static_cast<int64_t>(bias.size());
  const std::string q = model_.constant(node.name + ".bias", {outputs}, bias);
  const std::string scale = model_.constant(node.name + ".bias:scale", {outputs}, scales);
  return model_.node("DequantizeLinear", {q, scale}, model_.unique(node.name + ".bias:real"), {{"axis", int64_t{0}}});
}

Status Exporter::write(const Conv2d& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  NBL_TRY(const std::string weights, layer_weights(node, false));
  NBL_TRY(const std::string bias, layer_bias(node));
  const std::vector<int64_t> shape = nibble::values(in(node, conv_input::weights).shape);
  Names inputs{x[0], weights};
  if (!bias.empty()) inputs.push_back(bias);
  return activated(op.activation, y, node.name, [&](const std::string& to) -> Status {
    model_.node("Conv", inputs, to,
                {{"kernel_shape", std::vector<int64_t>{shape[2], shape[3]}},
                 {"strides", std::vector<int64_t>{op.stride_h, op.stride_w}},
                 {"dilations", std::vector<int64_t>{op.dilation_h, op.dilation_w}},
                 {"pads", std::vector<int64_t>{op.pad_top, op.pad_left, op.pad_bottom, op.pad_right}},
                 {"group", static_cast<int64_t>(op.groups)}},
                node.name);
    return {};
  });
}

Status Exporter::write(const ConvTranspose2d& op, const Node& node, const std::vector<std::string>& x,
                       const std::string& y) {
  NBL_TRY(const std::string weights, layer_weights(node, true));
  NBL_TRY(const std::string bias, layer_bias(node));
  const std::vector<int64_t> shape = nibble::values(in(node, conv_input::weights).shape);
  Names inputs{x[0], weights};
  if (!bias.empty()) inputs.push_back(bias);
  return activated(op.activation, y, node.name, [&](const std::string& to) -> Status {
    model_.node("ConvTranspose", inputs, to,
                {{"kernel_shape", std::vector<int64_t>{shape[2], shape[3]}},
                 {"strides", std::vector<int64_t>{op.stride_h, op.stride_w}},
                 {"dilations", std::vector<int64_t>{op.dilation_h, op.dilation_w}},
                 {"pads", std::vector<int64_t>{op.pad_top, op.pad_left, op.pad_bottom, op.pad_right}},
                 {"output_padding", std::vector<int64_t>{op.output_pad_h, op.output_pad_w}},
                 {"group", static_cast<int64_t>(op.groups)}},
                node.name);
    return {};
  });
}

Status Exporter::write(const Linear& op, const Node& node, const std::vector<std::string>& x, const std::string& y) {
  const bool matrix = in(node, conv_input::x).shape.size() == 2;
  NBL_TRY(const std::string weights, layer_weights(node, !matrix));
  NBL_TRY(const std::string bias, layer_bias(node));
  return activated(op.activation, y, node.name, [&](const std::string& to) -> Status {
    if (matrix) {
      Names inputs{x[0], weights};
      if (!bias.empty()) inputs.push_back(bias);
      model_.node("Gemm", inputs, to, {{"transB", int64_t{1}}}, node.name);
      return {};
    }
    if (bias.empty()) {
      model_.node("MatMul", {x[0], weights}, to, {}, node.name);
      return {};
    }
    const std::string product = model_.node("MatMul", {x[0], weights}, model_.unique(to + ":product"), {}, node.name);
    model_.node("Add", {product, bias}, to, {}, node.name + ":bias");
    return {};
  });
}

}  // namespace nibble::onnx_export
