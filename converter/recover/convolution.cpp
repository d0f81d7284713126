// Conv2d and Linear through oneDNN. A layer runs on one thread: its sums then do not depend on how many there are.
#include <dnnl.hpp>

#include "converter/execute/fast_layer.h"
#include "converter/recover/layer.h"
#include "core/text.h"
#include "ops/op.h"

namespace nibble::recover {
namespace {

using dnnl::memory;
using Dims = memory::dims;

dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr out;
  out.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // primitives without state can run side by side
  return out;
}

memory::desc channels_last(const Extent& e) {
  return memory::desc({e.n, e.c, e.h, e.w}, memory::data_type::f32, memory::format_tag::nhwc);
}

memory::desc row_major(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return memory::desc(dims, memory::data_type::f32, strides);
}

memory wrap(const memory::desc& desc, const float* data) { return memory(desc, cpu(), const_cast<float*>(data)); }

float* room(std::vector<float>& scratch, size_t floats) {
  if (scratch.size() < floats) scratch.resize(floats);
  return scratch.data();
}

size_t floats_of(const memory::desc& desc) { return desc.get_size() / sizeof(float) + 1; }

Error dnnl_error(const dnnl::error& error) { return Error{Code::internal, format("oneDNN: %s", error.what())}; }

struct Geometry {
  Extent x, y;
  Dims weights;  // [O, I, kh, kw], or [G, O/G, I/G, kh, kw]
  Dims strides, dilations, pad_begin, pad_end;
};

class Convolution : public Layer {
 public:
  Convolution(const Geometry& g, const WeightPlaces& places)
      : places_(places), x_(channels_last(g.x)), y_(channels_last(g.y)), plain_(row_major(g.weights)) {
    const memory::desc any(g.weights, memory::data_type::f32, memory::format_tag::any);
    const auto algorithm = dnnl::algorithm::convolution_direct;
    outputs_ = g.y.c;
    bias_ = row_major({outputs_});
    weight_count_ = plain_.get_size() / sizeof(float);
    const dnnl::convolution_forward::primitive_desc forward({dnnl::prop_kind::forward_training, algorithm, x_, any,
                                                             bias_, y_, g.strides, g.dilations, g.pad_begin, g.pad_end},
                                                            attributes(), cpu());
    const dnnl::convolution_backward_data::primitive_desc data(
        {algorithm, x_, any, y_, g.strides, g.dilations, g.pad_begin, g.pad_end}, attributes(), cpu(), forward);
    const dnnl::convolution_backward_weights::primitive_desc weights(
        {algorithm, x_, any, bias_, y_, g.strides, g.dilations, g.pad_begin, g.pad_end}, attributes(), cpu(), forward);
    forward_ = dnnl::convolution_forward(forward);
    data_ = dnnl::convolution_backward_data(data);
    weights_ = dnnl::convolution_backward_weights(weights);
    forward_work_ = forward.scratchpad_desc();
    data_work_ = data.scratchpad_desc();
    weights_work_ = weights.scratchpad_desc();
    forward_weights_ = memory(forward.weights_desc(), cpu());
    data_weights_ = memory(data.weights_desc(), cpu());
    gradient_ = weights.diff_weights_desc();
    to_plain_ = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), gradient_, cpu(), plain_));
    to_forward_ = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), plain_, cpu(), forward.weights_desc()));
    to_data_ = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), plain_, cpu(), data.weights_desc()));
    no_bias_.assign(static_cast<size_t>(outputs_), 0.0f);
  }

  Status refresh(const float* parameters) override try {
    dnnl::stream stream(cpu());
    memory plain = wrap(plain_, parameters + places_.weights);
    to_forward_.execute(stream, plain, forward_weights_);
    to_data_.execute(stream, plain, data_weights_);
    stream.wait();
    bias_values_ = places_.has_bias ? parameters + places_.bias : no_bias_.data();
    return {};
  } catch (const dnnl::error& error) {
    return dnnl_error(error);
  }

  Status forward(std::span<const float* const> x, float* y, LayerScratch& scratch) const override try {
    dnnl::stream stream(cpu());
    forward_.execute(stream,
                     {{DNNL_ARG_SRC, wrap(x_, x[0])},
                      {DNNL_ARG_WEIGHTS, forward_weights_},
                      {DNNL_ARG_BIAS, wrap(bias_, bias_values_)},
                      {DNNL_ARG_DST, wrap(y_, y)},
                      {DNNL_ARG_SCRATCHPAD, wrap(forward_work_, room(scratch.work, floats_of(forward_work_)))}});
    stream.wait();
    return {};
  } catch (const dnnl::error& error) {
    return dnnl_error(error);
  }

  Status backward(std::span<const float* const> x, const float*, float* dy, std::span<float* const> dx,
                  float* gradients, LayerScratch& scratch) const override try {
    dnnl::stream stream(cpu());
    const size_t ordered = floats_of(gradient_);
    float* diff = room(scratch.values, ordered + weight_count_ + static_cast<size_t>(outputs_));
    float* plain = diff + ordered;
    float* bias = plain + weight_count_;
    memory diff_weights = wrap(gradient_, diff), plain_weights = wrap(plain_, plain);
    weights_.execute(stream,
                     {{DNNL_ARG_SRC, wrap(x_, x[0])},
                      {DNNL_ARG_DIFF_DST, wrap(y_, dy)},
                      {DNNL_ARG_DIFF_WEIGHTS, diff_weights},
                      {DNNL_ARG_DIFF_BIAS, wrap(bias_, bias)},
                      {DNNL_ARG_SCRATCHPAD, wrap(weights_work_, room(scratch.work, floats_of(weights_work_)))}});
    to_plain_.execute(stream, diff_weights, plain_weights);
    stream.wait();
    for (size_t i = 0; i < weight_count_; ++i) gradients[places_.weights + i] += plain[i];
    if (places_.has_bias) {
      for (size_t i = 0; i < static_cast<size_t>(outputs_); ++i) gradients[places_.bias + i] += bias[i];
    }
    if (!dx[0]) return {};
    const size_t count = x_.get_size() / sizeof(float);
    float* from = room(scratch.values, count);
    data_.execute(stream, {{DNNL_ARG_DIFF_DST, wrap(y_, dy)},
                           {DNNL_ARG_WEIGHTS, data_weights_},
                           {DNNL_ARG_DIFF_SRC, wrap(x_, from)},
                           {DNNL_ARG_SCRATCHPAD, wrap(data_work_, room(scratch.work, floats_of(data_work_)))}});
    stream.wait();
    for (size_t i = 0; i < count; ++i) dx[0][i] += from[i];
    return {};
  } catch (const dnnl::error& error) {
    return dnnl_error(error);
  }

 private:
  WeightPlaces places_;
  memory::desc x_, y_, plain_, bias_, gradient_;
  memory::desc forward_work_, data_work_, weights_work_;
  dnnl::primitive forward_, data_, weights_;
  dnnl::reorder to_plain_, to_forward_, to_data_;
  memory forward_weights_, data_weights_;
  const float* bias_values_ = nullptr;
  std::vector<float> no_bias_;
  int64_t outputs_ = 0;
  size_t weight_count_ = 0;
};

}  // namespace

Result<LayerPtr> make_convolution(const LayerSource& source, std::string& reason) try {
  const ThreadLimit limit(1);  // primitives are made for the number of threads at hand
  const Shape& shape = source.graph.desc(source.node.inputs[conv_input::weights]).shape;
  Dims weights;
  for (const int64_t size : values(shape)) weights.push_back(size);
  Geometry g{source.x[0], source.y, weights, {1, 1}, {0, 0}, {0, 0}, {0, 0}};
  if (const auto* op = op_if<Conv2d>(source.node)) {
    g.strides = {op->stride_h, op->stride_w};
    g.dilations = {op->dilation_h - 1, op->dilation_w - 1};
    g.pad_begin = {op->pad_top, op->pad_left};
    g.pad_end = {op->pad_bottom, op->pad_right};
    if (op->groups > 1) g.weights = {op->groups, weights[0] / op->groups, weights[1], weights[2], weights[3]};
  } else {
    // A matrix product is a convolution of one pixel, as long as the last axis is the one that channels-last keeps
    // together.
    if (source.graph.desc(source.node.inputs[0]).shape.size() == 4) {
      reason = "its input has four axes";
      return LayerPtr();
    }
    g.weights = {weights[0], weights[1], 1, 1};
  }
  return LayerPtr(std::make_unique<Convolution>(g, source.places));
} catch (const dnnl::error&) {
  reason = "oneDNN has no backward for these sizes";
  return LayerPtr();
}

}  // namespace nibble::recover
