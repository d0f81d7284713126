#include <algorithm>
#include <dnnl.hpp>
#include <optional>

#include "converter/execute/fast_layer.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"
#include "reference/conv_weights.h"
#include "reference/elementwise.h"

namespace nibble {

namespace {

using dnnl::memory;
using reference::FloatValue;

using Dims = memory::dims;

dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// Work area that the caller of a primitive brings along, so that primitives are free of state and can run side by side.
memory::desc scratch_desc(const dnnl::primitive_desc_base& description) { return description.scratchpad_desc(); }

dnnl::primitive_attr attributes_with_own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Error dnnl_error(const dnnl::error& error) { return Error{Code::internal, format("oneDNN: %s", error.what())}; }

memory::desc row_major(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return memory::desc(dims, memory::data_type::f32, strides);
}

memory::desc any_order(const Dims& dims) { return memory::desc(dims, memory::data_type::f32, memory::format_tag::any); }

memory wrap(const memory::desc& desc, const float* data) { return memory(desc, cpu(), const_cast<float*>(data)); }

memory place(const memory::desc& desc, std::vector<float>& scratch) {
  const size_t floats = desc.get_size() / sizeof(float) + 1;
  if (scratch.size() < floats) scratch.resize(floats);
  return wrap(desc, scratch.data());
}

// One operand whose order the primitive may choose: reordered through scratch memory where it differs from row-major.
struct Operand {
  memory::desc plain, wanted;
  std::optional<dnnl::reorder> reorder;

  Operand(const memory::desc& plain_desc, const memory::desc& wanted_desc, bool to_wanted)
      : plain(plain_desc), wanted(wanted_desc) {
    if (plain == wanted) return;
    const memory::desc& from = to_wanted ? plain : wanted;
    const memory::desc& to = to_wanted ? wanted : plain;
    reorder = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), from, cpu(), to));
  }
};

// An activation that oneDNN computes on the way out; others are applied in a second pass.
bool append_activation(const Activation& activation, dnnl::primitive_attr& attributes) {
  dnnl::post_ops ops;
  if (activation.kind == UnaryKind::relu) {
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  } else if (activation.kind == UnaryKind::clip) {
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, activation.a, activation.b);
  } else {
    return activation.kind == UnaryKind::identity;
  }
  attributes.set_post_ops(ops);
  return true;
}

// Convolutions and products with constant weights.
class WeightedLayer : public FastLayer {
 public:
  template <class Description>
  WeightedLayer(const Description& description, const Dims& x, const Dims& y, const memory::desc& weights_desc,
                const std::vector<float>& weights, std::vector<float> bias, const Activation& activation)
      : bias_(std::move(bias)), activation_(activation) {
    dnnl::primitive_attr attributes = attributes_with_own_scratch();
    activation_done_ = append_activation(activation, attributes);
    using Primitive = typename PrimitiveOf<Description>::type;
    const typename Primitive::primitive_desc primitive_desc(description, attributes, cpu());
    primitive_ = Primitive(primitive_desc);
    source_.emplace(row_major(x), primitive_desc.src_desc(), true);
    target_.emplace(row_major(y), primitive_desc.dst_desc(), false);
    bias_desc_ = primitive_desc.bias_desc();
    work_desc_ = scratch_desc(primitive_desc);
    weights_ = memory(primitive_desc.weights_desc(), cpu());
    memory plain = wrap(weights_desc, weights.data());
    dnnl::stream stream(cpu());
    dnnl::reorder(plain, weights_).execute(stream, plain, weights_);
    stream.wait();
  }

  Status run(const FloatValue& x, const FloatValue*, FloatValue& out, LayerScratch& scratch) const override try {
    dnnl::stream stream(cpu());
    memory source = wrap(source_->plain, x.real.data());
    if (source_->reorder) {
      memory ordered = place(source_->wanted, scratch.source);
      source_->reorder->execute(stream, source, ordered);
      source = ordered;
    }
    memory plain_target = wrap(target_->plain, out.real.data());
    memory target = target_->reorder ? place(target_->wanted, scratch.target) : plain_target;
    primitive_.execute(stream, {{DNNL_ARG_SRC, source},
                                {DNNL_ARG_WEIGHTS, weights_},
                                {DNNL_ARG_BIAS, wrap(bias_desc_, bias_.data())},
                                {DNNL_ARG_DST, target},
                                {DNNL_ARG_SCRATCHPAD, place(work_desc_, scratch.work)}});
    if (target_->reorder) target_->reorder->execute(stream, target, plain_target);
    stream.wait();
    if (!activation_done_) reference::apply_activation(activation_, out.real.data(), out.real.size());
    return {};
  } catch (const dnnl::error& error) {
    return dnnl_error(error);
  }

 private:
  template <class Description>
  struct PrimitiveOf;

  std::vector<float> bias_;
  Activation activation_;
  bool activation_done_ = true;
  dnnl::primitive primitive_;
  std::optional<Operand> source_, target_;
  memory::desc bias_desc_, work_desc_;
  memory weights_;
};

template <>
struct WeightedLayer::PrimitiveOf<dnnl::convolution_forward::desc> {
  using type = dnnl::convolution_forward;
};
template <>
struct WeightedLayer::PrimitiveOf<dnnl::deconvolution_forward::desc> {
  using type = dnnl::deconvolution_forward;
};
template <>
struct WeightedLayer::PrimitiveOf<dnnl::inner_product_forward::desc> {
  using type = dnnl::inner_product_forward;
};

class MatMulLayer : public FastLayer {
 public:
  MatMulLayer(const memory::desc& a, const memory::desc& b, const memory::desc& y) : a_(a), b_(b), y_(y) {
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, y), attributes_with_own_scratch(), cpu());
    work_desc_ = scratch_desc(description);
    primitive_ = dnnl::matmul(description);
  }

  Status run(const FloatValue& a, const FloatValue* b, FloatValue& out, LayerScratch& scratch) const override try {
    dnnl::stream stream(cpu());
    primitive_.execute(stream, {{DNNL_ARG_SRC, wrap(a_, a.real.data())},
                                {DNNL_ARG_WEIGHTS, wrap(b_, b->real.data())},
                                {DNNL_ARG_DST, wrap(y_, out.real.data())},
                                {DNNL_ARG_SCRATCHPAD, place(work_desc_, scratch.work)}});
    stream.wait();
    return {};
  } catch (const dnnl::error& error) {
    return dnnl_error(error);
  }

 private:
  memory::desc a_, b_, y_, work_desc_;
  dnnl::matmul primitive_;
};

// What the weighted operators have in common: weights and bias as plain floats.
struct Weights {
  Dims x, y, shape;
  std::vector<float> weights, bias;
};

Dims dims_of(const Graph& graph, TensorId id) {
  const std::vector<int64_t> sizes = values(graph.desc(id).shape);
  return Dims(sizes.begin(), sizes.end());
}

Result<Weights> read_weights(const Graph& graph, const Node& node) {
  std::vector<FloatValue> constants(node.inputs.size());
  std::vector<const FloatValue*> slots(node.inputs.size(), nullptr);
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoTensor) continue;
    NBL_TRY(constants[i], reference::constant_value<float>(graph.tensor(node.inputs[i])));
    slots[i] = &constants[i];
  }
  FloatValue unused;
  const reference::Args<float> args{slots, unused};
  Weights out;
  out.x = dims_of(graph, node.inputs[0]);
  out.y = dims_of(graph, node.outputs[0]);
  out.shape = dims_of(graph, node.inputs[1]);
  NBL_TRY(out.weights, reference::real_weights(args));
  out.bias.assign(static_cast<size_t>(out.shape[0]), 0.0f);
  if (args.has(conv_input::bias)) out.bias = args[conv_input::bias].real;
  return out;
}

memory::desc grouped(const Weights& w, int64_t groups) {
  if (groups == 1) return row_major(w.shape);
  return row_major({groups, w.shape[0] / groups, w.shape[1], w.shape[2], w.shape[3]});
}

memory::desc bias_of(const Weights& w) { return row_major({w.shape[0]}); }

using Layer = std::unique_ptr<FastLayer>;

Layer make_layer(const Conv2d& op, Weights w) {
  const memory::desc plain = grouped(w, op.groups);
  const dnnl::convolution_forward::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, any_order(w.x), any_order(plain.dims()),
      bias_of(w), any_order(w.y), {op.stride_h, op.stride_w}, {op.dilation_h - 1, op.dilation_w - 1},
      {op.pad_top, op.pad_left}, {op.pad_bottom, op.pad_right});
  return std::make_unique<WeightedLayer>(description, w.x, w.y, plain, w.weights, std::move(w.bias), op.activation);
}

Layer make_layer(const ConvTranspose2d& op, Weights w) {
  const memory::desc plain = grouped(w, op.groups);
  const dnnl::deconvolution_forward::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct, any_order(w.x),
      any_order(plain.dims()), bias_of(w), any_order(w.y), {op.stride_h, op.stride_w},
      {op.dilation_h - 1, op.dilation_w - 1}, {op.pad_top, op.pad_left},
      {op.pad_bottom - op.output_pad_h, op.pad_right - op.output_pad_w});
  return std::make_unique<WeightedLayer>(description, w.x, w.y, plain, w.weights, std::move(w.bias), op.activation);
}

Layer make_layer(const Linear& op, Weights w) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < w.x.size(); ++i) rows *= w.x[i];
  const Dims x{rows, w.shape[1]};
  const Dims y{rows, w.shape[0]};
  const dnnl::inner_product_forward::desc description(dnnl::prop_kind::forward_inference, any_order(x),
                                                      any_order(w.shape), bias_of(w), any_order(y));
  return std::make_unique<WeightedLayer>(description, x, y, row_major(w.shape), w.weights, std::move(w.bias),
                                         op.activation);
}

// A matrix stack with unit axes in front up to `rank`, its last two axes swapped where it is stored transposed.
memory::desc stack(const Dims& shape, size_t rank, bool swapped) {
  Dims dims(rank - shape.size(), 1);
  dims.insert(dims.end(), shape.begin(), shape.end());
  Dims strides(rank, 1);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  if (swapped) {
    std::swap(dims[rank - 1], dims[rank - 2]);
    std::swap(strides[rank - 1], strides[rank - 2]);
  }
  return memory::desc(dims, memory::data_type::f32, strides);
}

Layer make_layer(const MatMul& op, const Dims& a, const Dims& b, const Dims& y) {
  return std::make_unique<MatMulLayer>(stack(a, y.size(), op.transpose_a), stack(b, y.size(), op.transpose_b),
                                       row_major(y));
}

bool is_weighted(const Node& node) {
  return op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node);
}

bool constants_only(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                     [&](TensorId id) { return id == kNoTensor || graph.tensor(id).is_constant(); });
}

}  // namespace

// oneDNN throws where it has no implementation for a shape; the plain loops take such nodes.
Result<std::unique_ptr<FastLayer>> make_dnnl_layer(const Graph& graph, const Node& node) try {
  const DType type = graph.desc(node.inputs[0]).type;
  if (type != DType::f32 && type != DType::f16) return Layer();
  if (const auto* op = op_if<MatMul>(node)) {
    return make_layer(*op, dims_of(graph, node.inputs[0]), dims_of(graph, node.inputs[1]),
                      dims_of(graph, node.outputs[0]));
  }
  if (!is_weighted(node) || !constants_only(graph, node)) return Layer();
  NBL_TRY(Weights weights, read_weights(graph, node));
  if (const auto* op = op_if<Conv2d>(node)) return make_layer(*op, std::move(weights));
  if (const auto* op = op_if<ConvTranspose2d>(node)) return make_layer(*op, std::move(weights));
  return make_layer(*op_if<Linear>(node), std::move(weights));
} catch (const dnnl::error&) {
  return Layer();
}

}  // namespace nibble
