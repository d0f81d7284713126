
#include "converter/quantize/integer_graph.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/float_graph.h"
#include "converter/quantize/power_of_two.h"
#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::quantization {

IntegerRewriter::IntegerRewriter(const Graph& graph, IntegerPlan plan, const Options& options)
    : old_(graph),
      plan_(std::move(plan)),
      options_(options),
      producers_(producers(graph)),
      forms_(graph.tensors.size()) {
  new_.metadata = graph.metadata;
}

TensorDesc IntegerRewriter::declared(const ActivationQuant& quant) const {
  TensorDesc desc;
  desc.type = DType::i8;
  desc.quant = Quant::tensor(quant.scale, quant.zero_point);
  return desc;
}

Result<TensorId> IntegerRewriter::emit(const std::string& name, Op op, std::vector<TensorId> inputs,
                                       const ActivationQuant& quant) {
  NBL_TRY(const NodeId node, new_.add_node(name, std::move(op), std::move(inputs), {declared(quant)}));
  return new_.nodes[static_cast<size_t>(node)].outputs[0];
}

Result<TensorId> IntegerRewriter::real(TensorId old) {
  Forms& forms = forms_[static_cast<size_t>(old)];
  if (forms.real != kNoTensor) return forms.real;
  const Tensor& tensor = old_.tensor(old);
  if (tensor.is_constant()) {
    forms.real = new_.add_constant(tensor.desc, *tensor.constant);
    if (tensor.desc.type == DType::f32) new_.desc(forms.real).quant = {};
    return forms.real;
  }
  if (tensor.desc.type == DType::i8) return integer(old);  // never was float
  if (forms.integer == kNoTensor) return Error{Code::internal, "tensor '" + tensor.desc.name + "' was not computed"};
  TensorDesc desc;
  desc.type = DType::f32;
  NBL_TRY(const NodeId node, new_.add_node(tensor.desc.name + ":f32", Convert{}, {forms.integer}, {desc}));
  forms.real = new_.nodes[static_cast<size_t>(node)].outputs[0];
  return forms.real;
}

Result<TensorId> IntegerRewriter::integer(TensorId old) {
  Forms& forms = forms_[static_cast<size_t>(old)];
  if (forms.integer != kNoTensor) return forms.integer;
  const Tensor& tensor = old_.tensor(old);
  const TensorDesc& desc = tensor.desc;
  if (desc.type == DType::i8 && (forms.real != kNoTensor || tensor.is_constant())) {  // copied as it was
    NBL_TRY(forms.integer, real(old));
    forms.quant = {desc.quant.scale(), desc.quant.zero_point, -128, 127};
    return forms.integer;
  }
  if (tensor.is_constant() && desc.type == DType::f32) {
    const auto values = tensor.constant->as<float>();
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    forms.quant = options_.power_of_two ? choose_power_of_two_quant({*low, *high}) : choose_quant({*low, *high});
    forms.integer = constant_as(tensor, forms.quant);
    return forms.integer;
  }
  const auto& quant = plan_.quant[static_cast<size_t>(old)];
  if (!quant) return Error{Code::internal, "tensor '" + desc.name + "' has no range"};
  NBL_TRY(const TensorId from, real(old));
  NBL_TRY(forms.integer, emit(desc.name + ":i8", Convert{.clamp = {quant->min, quant->max}}, {from}, *quant));
  forms.quant = *quant;
  return forms.integer;
}

TensorId IntegerRewriter::constant_as(const Tensor& constant, const ActivationQuant& quant) {
  std::vector<int8_t> values;
  for (float v : constant.constant->as<float>()) {
    values.push_back(static_cast<int8_t>(
        nibble::quantize(static_cast<double>(v), quant.scale, quant.zero_point, quant.min, quant.max)));
  }
  TensorDesc desc = declared(quant);
  desc.shape = constant.desc.shape;
  return new_.add_constant(desc, ConstantData::of(values));
}

Result<TensorId> IntegerRewriter::integer_as(TensorId old, const ActivationQuant& quant) {
  if (const Tensor& tensor = old_.tensor(old); tensor.is_constant() && tensor.desc.type == DType::f32)
    return constant_as(tensor, quant);
  NBL_TRY(const TensorId from, integer(old));
  const ActivationQuant& own = forms_[static_cast<size_t>(old)].quant;
  if (own.scale == quant.scale && own.zero_point == quant.zero_point) return from;
  const FixedMultiplier m = fixed_multiplier(static_cast<double>(own.scale) / static_cast<double>(quant.scale));
  return emit(old_.desc(old).name + ":rescaled", Convert{{quant.min, quant.max}, m.multiplier, m.shift}, {from}, quant);
}

Status IntegerRewriter::set_integer(const Node& old, TensorId made, const ActivationQuant& quant) {
  Forms& forms = forms_[static_cast<size_t>(old.outputs[0])];
  forms.integer = made;
  forms.quant = quant;
  new_.desc(made).name = old_.desc(old.outputs[0]).name;
  return {};
}

std::vector<int8_t> make_table(const ActivationQuant& x, const ActivationQuant& y,
                               const std::function<void(std::vector<double>&)>& f) {
  std::vector<double> values;
  for (int q = -128; q <= 127; ++q) values.push_back(static_cast<double>(x.scale) * (q - x.zero_point));
  f(values);
  std::vector<int8_t> table;
  for (double v : values)
    table.push_back(static_cast<int8_t>(nibble::quantize(v, y.scale, y.zero_point, y.min, y.max)));
  return table;
}

ClampRange clamp_range(const Activation& activation, const ActivationQuant& y) {
  ClampRange range{y.min, y.max};
  const auto stored = [&](float v) {
    return nibble::quantize(static_cast<double>(v), y.scale, y.zero_point, y.min, y.max);
  };
  if (activation.kind == UnaryKind::relu) range.min = std::max(range.min, stored(0.0f));
  if (activation.kind == UnaryKind::clip)
    range = {std::max(range.min, stored(activation.a)), std::min(range.max, stored(activation.b))};
  if (range.min > range.max) range.min = range.max;
  return range;
}

Status IntegerRewriter::import_inputs() {
  for (size_t i = 0; i < old_.inputs.size(); ++i) {
    const TensorId id = old_.inputs[i];
    TensorDesc desc = old_.desc(id);
    const bool bytes = options_.byte_input && i == 0;
    if (bytes) desc.type = DType::u8;
    Forms& forms = forms_[static_cast<size_t>(id)];
    const TensorId made = new_.add_tensor(desc);
    new_.inputs.push_back(made);
    if (!bytes) {
      // A network that came quantized may take integers itself.
      if (desc.type == DType::i8 && desc.quant.kind == Quant::Kind::per_tensor) {
        forms.integer = made;
        forms.quant = {desc.quant.scale(), desc.quant.zero_point, -128, 127};
      } else {
        forms.real = made;
      }
      continue;
    }
    const auto& quant = plan_.quant[static_cast<size_t>(id)];
    if (!quant)
      return Error{Code::invalid_argument, "a uint8 input needs the range of input '" + desc.name + "' (calibration)"};
    const BytePixels& pixels = *options_.byte_input;
    const size_t rows = pixels.factor.size();
    if (rows > 1 && (desc.shape.size() < 2 || !(desc.shape[1] == Dim(static_cast<int64_t>(rows))))) {
      return Error{Code::invalid_argument,
                   format("a uint8 input with %zu means needs as many channels along axis 1, input '%s' has shape %s",
                          rows, desc.name.c_str(), to_string(desc.shape).c_str())};
    }
    std::vector<int8_t> table;
    for (size_t c = 0; c < rows; ++c) {
      for (int b = 0; b < 256; ++b) {
        const double v = static_cast<double>(pixels.factor[c]) * b + static_cast<double>(pixels.offset[c]);
        table.push_back(
            static_cast<int8_t>(nibble::quantize(v, quant->scale, quant->zero_point, quant->min, quant->max)));
      }
    }
    TensorDesc t;
    t.type = DType::i8;
    t.shape = rows > 1 ? Shape{static_cast<int64_t>(rows), 256} : Shape{256};
    const TensorId table_id = new_.add_constant(t, ConstantData::of(table));
    NBL_TRY(forms.integer, emit(desc.name + ":i8", Unary{UnaryKind::affine, 1.0f, 0.0f}, {made, table_id}, *quant));
    forms.quant = *quant;
  }
  return {};
}

Status IntegerRewriter::copy_float(const Node& node) {
  Node copy = node;
  copy.inputs.clear();
  for (TensorId id : node.inputs) {
    if (id == kNoTensor) {
      copy.inputs.push_back(kNoTensor);
      continue;
    }
    NBL_TRY(const TensorId made, real(id));
    copy.inputs.push_back(made);
  }
  copy.outputs.clear();
  for (TensorId id : node.outputs) {
    const TensorId made = new_.add_tensor(old_.desc(id));
    forms_[static_cast<size_t>(id)].real = made;
    copy.outputs.push_back(made);
  }
  if (has_weights(node)) {
    // Its weights stay narrow; only the arithmetic is float.
    const auto index = static_cast<size_t>(&node - old_.nodes.data());
    const Choice choice = choose_format(old_, node, options_);
    const bool narrow = new_.desc(copy.inputs[conv_input::weights]).type == DType::f32;
    Decision decision{node.name, op_name(node), choice.format, 0, ActivationFormat::real, ""};
    if (narrow) {
      NBL_TRY(decision, narrow_weights(new_, copy, choice, options_));
    }
    decision.reason = plan_.reason[index];
    out_.decisions.push_back(decision);
  }
  new_.nodes.push_back(std::move(copy));
  return {};
}

Status IntegerRewriter::rewrite(const Node& node) {
  if (op_if<Convert>(node)) return rewrite_convert(node);
  if (has_weights(node)) return rewrite_weights(node);
  if (op_if<Unary>(node) || is_table_like(old_, node)) return rewrite_table(node);
  if (op_if<Binary>(node)) return rewrite_binary(node);
  if (op_if<Concat>(node)) return rewrite_concat(node);
  if (keeps_values(old_, node)) return rewrite_moves(node);
  return rewrite_mean(node);
}

Status IntegerRewriter::finish_outputs() {
  for (size_t i = 0; i < old_.outputs.size(); ++i) {
    const TensorId id = old_.outputs[i];
    const std::string& name = old_.desc(id).name;
    Forms& forms = forms_[static_cast<size_t>(id)];
    if (options_.byte_output && i == 0) {
      NBL_TRY(const TensorId from, integer(id));
      const BytePixels& pixels = *options_.byte_output;
      std::vector<uint8_t> table;
      for (int q = -128; q <= 127; ++q) {
        const double v = static_cast<double>(forms.quant.scale) * (q - forms.quant.zero_point);
        table.push_back(static_cast<uint8_t>(
            std::clamp(std::round((v - static_cast<double>(pixels.offset[0])) / static_cast<double>(pixels.factor[0])),
                       0.0, 255.0)));
      }
      const TensorId table_id = add_u8(new_, table);
      TensorDesc bytes;
      bytes.type = DType::u8;
      new_.desc(from).name = name + ":i8";
      NBL_TRY(const NodeId node, new_.add_node(name, Unary{UnaryKind::affine, 1.0f, 0.0f}, {from, table_id}, {bytes}));
      new_.outputs.push_back(new_.nodes[static_cast<size_t>(node)].outputs[0]);
      continue;
    }
    const bool only_integer = old_.desc(id).type == DType::i8;
    NBL_TRY(const TensorId made, only_integer ? integer(id) : real(id));
    if (!only_integer && forms.integer != kNoTensor) new_.desc(forms.integer).name = name + ":i8";
    new_.desc(made).name = name;
    new_.outputs.push_back(made);
  }
  return {};
}

Result<Quantized> IntegerRewriter::run() {
  NBL_CHECK(import_inputs());
  for (size_t n = 0; n < old_.nodes.size(); ++n) {
    const Node& node = old_.nodes[n];
    if (plan_.inner[n]) continue;  // the table behind it computes it
    Status status = plan_.integer[n] ? rewrite(node) : copy_float(node);
    if (!status) return std::move(status).error().with_context(format("%s '%s'", op_name(node), node.name.c_str()));
  }
  NBL_CHECK(finish_outputs());
  remove_dead(new_);
  NBL_CHECK(reinfer(new_));
  return std::move(out_);
}

Result<Quantized> quantize(const Graph& graph, const Ranges& ranges, const Options& options) {
  NBL_CHECK(check_finite(graph));
  if (options.activations != ActivationFormat::int8) return quantize_float(graph, options);
  if (options.weights == WeightFormat::fp32 || options.weights == WeightFormat::fp16) {
    return Error{Code::invalid_argument, "int8 activations need integer weights"};
  }
  return IntegerRewriter(graph, plan_integers(graph, ranges, options), options).run();
}

}  // namespace nibble::quantization
