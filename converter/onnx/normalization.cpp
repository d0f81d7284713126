// Normalizations, softmax, reductions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

struct ReduceRow {
  const char* name;
  ReduceKind kind;
};
constexpr ReduceRow kReduce[] = {
    {"ReduceMean", ReduceKind::mean}, {"ReduceSum", ReduceKind::sum},   {"ReduceMax", ReduceKind::max},
    {"ReduceMin", ReduceKind::min},   {"ReduceProd", ReduceKind::prod}, {"ReduceSumSquare", ReduceKind::sum_square},
    {"ReduceL1", ReduceKind::l1},     {"ReduceL2", ReduceKind::l2},     {"ReduceLogSumExp", ReduceKind::log_sum_exp},
};

// Per-channel constants as [C, 1, ...] so that they broadcast against [N, C, ...].
Shape channel_shape(size_t rank, int64_t channels) {
  Shape shape{channels};
  while (shape.size() + 1 < rank) shape.push_back(1);
  return shape;
}

// Outputs 1 and 2 of LayerNormalization: mean and 1 / sqrt(variance + epsilon) over the axes from op.axis on.
Status layer_statistics(NodeContext& node, const LayerNorm& op, TensorId x) {
  Reduce average{.kind = ReduceKind::mean};
  for (size_t i = static_cast<size_t>(op.axis); i < node.rank(0); ++i) average.axes.push_back(static_cast<int64_t>(i));
  NBL_TRY(const TensorId mean, node.emit(average, {x}));
  NBL_CHECK(node.set(1, mean));
  if (!node.wants_output(2)) return {};
  NBL_TRY(TensorId v, node.emit(Binary{.kind = BinaryKind::sub}, {x, mean}));
  NBL_TRY(v, node.emit(Binary{.kind = BinaryKind::mul}, {v, v}));
  NBL_TRY(v, node.emit(average, {v}));
  NBL_TRY(v, node.emit(Unary{UnaryKind::affine, 1.0f, op.epsilon}, {v}));
  NBL_TRY(v, node.emit(Unary{UnaryKind::sqrt}, {v}));
  NBL_TRY(v, node.emit(Unary{UnaryKind::reciprocal}, {v}));
  return node.set(2, v);
}

}  // namespace

Status import_batch_normalization(NodeContext& node) {
  for (const char* name : {"momentum", "is_test", "consumed_inputs"}) node.ignore(name);
  NBL_TRY(const float epsilon, node.real("epsilon", 1e-5f));
  NBL_TRY(const int64_t training, node.integer("training_mode", 0));
  NBL_TRY(const int64_t spatial, node.integer("spatial", 1));
  if (training) return node.unsupported("training_mode is not supported");
  if (!spatial) return node.unsupported("spatial = 0 is not supported");
  for (size_t i = 1; i < node.outputs(); ++i) {
    if (node.wants_output(i)) return node.unsupported("the statistics outputs are not supported");
  }
  if (node.rank(0) < 2) return node.fail("expected an input of rank 2 or more");
  std::vector<float> p[4];  // scale, bias, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    NBL_TRY(p[i], node.floats(i + 1));
    if (p[i].size() != p[0].size()) return node.fail("scale, bias, mean and variance differ in size");
  }
  const auto channels = static_cast<int64_t>(p[0].size());
  if (const Dim& c = node.shape(0)[1]; c.is_const() && c.value() != channels) {
    return node.fail(format("the input has %s channels, scale and bias %lld", c.to_string().c_str(),
                            static_cast<long long>(channels)));
  }
  std::vector<float> factor(p[0].size()), offset(p[0].size());
  for (size_t c = 0; c < p[0].size(); ++c) {
    const double f =
        static_cast<double>(p[0][c]) / std::sqrt(static_cast<double>(p[3][c]) + static_cast<double>(epsilon));
    factor[c] = static_cast<float>(f);
    offset[c] = static_cast<float>(static_cast<double>(p[1][c]) - static_cast<double>(p[2][c]) * f);
  }
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId a, node.constant(channel_shape(node.rank(0), channels), factor));
  NBL_TRY(const TensorId b, node.constant(channel_shape(node.rank(0), channels), offset));
  NBL_TRY(const TensorId scaled, node.emit(Binary{.kind = BinaryKind::mul}, {x, a}));
  NBL_TRY(const TensorId y, node.emit(Binary{.kind = BinaryKind::add}, {scaled, b}));
  return node.set(0, y);
}

Status import_instance_normalization(NodeContext& node) {
  node.ignore("consumed_inputs");
  InstanceNorm op;
  NBL_TRY(op.epsilon, node.real("epsilon", 1e-5f));
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_CHECK(node.floats(1));
  NBL_CHECK(node.floats(2));
  NBL_TRY(const TensorId scale, node.tensor(1));
  NBL_TRY(const TensorId bias, node.tensor(2));
  NBL_TRY(const TensorId y, node.emit(op, {x, scale, bias}));
  return node.set(0, y);
}

Status import_group_normalization(NodeContext& node) {
  InstanceNorm op;
  NBL_TRY(op.epsilon, node.real("epsilon", 1e-5f));
  NBL_TRY(const int64_t groups, node.integer("num_groups", 0));
  node.ignore("stash_type");
  if (node.rank(0) < 3 || !node.shape(0)[1].is_const())
    return node.fail("expected an input of rank 3 or more with a known number of channels");
  const int64_t channels = node.shape(0)[1].value();
  if (groups < 1 || channels % groups != 0)
    return node.fail(format("%lld channels do not divide into %lld groups", static_cast<long long>(channels),
                            static_cast<long long>(groups)));
  op.groups = static_cast<int32_t>(groups);
  std::vector<TensorId> inputs;
  NBL_TRY(const TensorId x, node.tensor(0));
  inputs.push_back(x);
  for (size_t i = 1; i <= 2; ++i) {
    NBL_TRY(std::vector<float> values, node.floats(i));
    if (static_cast<int64_t>(values.size()) == groups && groups != channels) {  // opset 18: one value a group
      std::vector<float> each;
      for (int64_t c = 0; c < channels; ++c) each.push_back(values[static_cast<size_t>(c / (channels / groups))]);
      values = std::move(each);
    }
    NBL_TRY(const TensorId id, node.constant({channels}, values));
    inputs.push_back(id);
  }
  NBL_TRY(const TensorId y, node.emit(op, std::move(inputs)));
  return node.set(0, y);
}

Status import_layer_normalization(NodeContext& node) {
  LayerNorm op;
  op.rms = node.type() != "LayerNormalization";
  if (op.rms && node.wants_output(1)) return node.unsupported("its second output is not supported");
  NBL_TRY(op.epsilon, node.real("epsilon", 1e-5f));
  NBL_TRY(const int64_t axis, node.axis("axis", -1, node.rank(0)));
  op.axis = static_cast<int32_t>(axis);
  node.ignore("stash_type");
  std::vector<TensorId> inputs;
  for (size_t i = 0; i < node.inputs(); ++i) {
    if (i > 0 && !node.is_constant(i))
      return node.unsupported("a scale or bias that is computed at run time is not supported");
    NBL_TRY(const TensorId id, node.tensor(i));
    inputs.push_back(id);
  }
  if (node.wants_output(1) || node.wants_output(2)) NBL_CHECK(layer_statistics(node, op, inputs[0]));
  NBL_TRY(const TensorId y, node.emit(op, std::move(inputs)));
  return node.set(0, y);
}

// Local response normalization (Krizhevsky et al. 2012): y = x / (bias + alpha * m) ^ beta with m the mean of x^2 over
// `size` neighbouring channels, zero beyond the first and last. Averages over channels are those of a pooling window in
// a tensor whose rows are the channels.
Status import_lrn(NodeContext& node) {
  NBL_TRY(const float alpha, node.real("alpha", 1e-4f));
  NBL_TRY(const float beta, node.real("beta", 0.75f));
  NBL_TRY(const float bias, node.real("bias", 1.0f));
  NBL_TRY(const int64_t size, node.integer("size", 0));
  const Shape shape = node.shape(0);
  if (shape.size() < 2) return node.fail("expected an input of rank 2 or more");
  if (size < 1 || size > 1024) return node.fail("size must be in 1..1024");
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(TensorId v, node.emit(Binary{.kind = BinaryKind::mul}, {x, x}));
  Dim inner(1);
  for (size_t i = 2; i < shape.size(); ++i) inner *= shape[i];
  NBL_TRY(v, node.reshape(v, {shape[0], 1, shape[1], inner}));
  Pool2d window{.kind = PoolKind::average, .kernel_h = static_cast<int32_t>(size), .count_include_pad = true};
  window.pad_top = static_cast<int32_t>((size - 1) / 2);
  window.pad_bottom = static_cast<int32_t>(size - 1) - window.pad_top;
  NBL_TRY(v, node.emit(window, {v}));
  NBL_TRY(v, node.reshape(v, shape));
  NBL_TRY(v, node.emit(Unary{UnaryKind::affine, alpha, bias}, {v}));
  NBL_TRY(const TensorId exponent, node.constant(Shape{}, {-beta}));
  NBL_TRY(v, node.emit(Binary{.kind = BinaryKind::pow}, {v, exponent}));
  NBL_TRY(const TensorId y, node.emit(Binary{.kind = BinaryKind::mul}, {x, v}));
  return node.set(0, y);
}

// x over its L1 or L2 norm along an axis; zeros stay zeros.
Status import_lp_normalization(NodeContext& node) {
  NBL_TRY(const int64_t axis, node.axis("axis", -1, node.rank(0)));
  NBL_TRY(const int64_t p, node.integer("p", 2));
  if (p != 1 && p != 2) return node.fail(format("p = %lld, expected 1 or 2", static_cast<long long>(p)));
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(TensorId norm, node.emit(Reduce{.kind = p == 1 ? ReduceKind::l1 : ReduceKind::l2, .axes = {axis}}, {x}));
  NBL_TRY(norm, node.emit(Unary{UnaryKind::clip, 1e-30f, std::numeric_limits<float>::infinity()}, {norm}));
  NBL_TRY(const TensorId y, node.emit(Binary{.kind = BinaryKind::div}, {x, norm}));
  return node.set(0, y);
}

Status import_softmax(NodeContext& node) {
  Softmax op;
  op.log = node.type() == "LogSoftmax";
  NBL_TRY(const int64_t axis, node.axis("axis", node.opset() < 13 ? 1 : -1, node.rank(0)));
  NBL_TRY(TensorId x, node.tensor(0));
  const Shape shape = node.shape(0);
  if (node.opset() < 13 && axis + 1 < static_cast<int64_t>(shape.size())) {
    // Before opset 13 all axes from `axis` on count as one.
    Dim outer(1), inner(1);
    for (size_t i = 0; i < shape.size(); ++i) (static_cast<int64_t>(i) < axis ? outer : inner) *= shape[i];
    NBL_TRY(x, node.reshape(x, {outer, inner}));
    op.axis = 1;
  } else {
    op.axis = static_cast<int32_t>(axis);
  }
  NBL_TRY(TensorId y, node.emit(op, {x}));
  NBL_TRY(y, node.reshape(y, shape));
  return node.set(0, y);
}

Status import_reduce(NodeContext& node) {
  Reduce op;
  for (const ReduceRow& row : kReduce) {
    if (node.type() == row.name) op.kind = row.kind;
  }
  NBL_TRY(const int64_t keep, node.integer("keepdims", 1));
  NBL_TRY(const int64_t noop, node.integer("noop_with_empty_axes", 0));
  NBL_TRY(std::vector<int64_t> axes, node.integers("axes", {}));
  if (node.has(1)) {
    NBL_TRY(axes, node.ints(1));
  }
  NBL_TRY(const TensorId x, node.tensor(0));
  if (axes.empty() && noop) return node.set(0, x);
  op.keep_dims = keep != 0;
  const auto rank = static_cast<int64_t>(node.rank(0));
  for (int64_t& a : axes) {
    if (a < -rank || a >= rank)
      return node.fail(format("axis %lld is outside a tensor of rank %lld", static_cast<long long>(a),
                              static_cast<long long>(rank)));
    if (a < 0) a += rank;
  }
  for (int64_t i = 0; axes.empty() && i < rank; ++i) op.axes.push_back(i);
  if (!axes.empty()) op.axes = axes;
  std::sort(op.axes.begin(), op.axes.end());
  op.axes.erase(std::unique(op.axes.begin(), op.axes.end()), op.axes.end());
  if (op.axes.empty()) return node.set(0, x);  // a scalar
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

Status import_arg_reduce(NodeContext& node) {
  ArgReduce op;
  op.minimum = node.type() == "ArgMin";
  NBL_TRY(const int64_t axis, node.axis("axis", 0, node.rank(0)));
  NBL_TRY(const int64_t keep, node.integer("keepdims", 1));
  NBL_TRY(const int64_t last, node.integer("select_last_index", 0));
  op.axis = static_cast<int32_t>(axis);
  op.keep_dims = keep != 0;
  op.last_index = last != 0;
  NBL_TRY(const TensorId x, node.tensor(0));
  NBL_TRY(const TensorId y, node.emit(op, {x}));
  return node.set(0, y);
}

}  // namespace nibble::onnx_import
