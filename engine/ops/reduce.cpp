#include "ops/reduce.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

Status check_kind(const Reduce& op, DType type) {
  switch (op.kind) {
    case ReduceKind::max:
    case ReduceKind::min:
      if (!is_nibbles(type) && type != DType::boolean) return {};
      break;
    case ReduceKind::mean:
      if (is_float(type) || type == DType::i8) return {};
      break;
    case ReduceKind::sum:
    case ReduceKind::prod:
      if (is_float(type) || type == DType::i32 || type == DType::i64) return {};
      break;
    case ReduceKind::sum_square:
    case ReduceKind::l1:
    case ReduceKind::l2:
    case ReduceKind::log_sum_exp:
      if (is_float(type)) return {};
      break;
    default: return bad_node(format("kind: unknown reduction number %d", static_cast<int>(op.kind)));
  }
  return bad_node(format("x: this reduction is not defined for type %s", to_string(type)));
}

Result<std::vector<bool>> reduced_axes(const Reduce& op, size_t rank) {
  std::vector<bool> reduced(rank, false);
  int64_t previous = -1;
  for (int64_t axis : op.axes) {
    NBL_TRY(const size_t at, resolve_axis(axis, rank, false));
    if (axis <= previous) return bad_node("axes: expected distinct ones in ascending order");
    previous = axis;
    reduced[at] = true;
  }
  return reduced;
}

}  // namespace

Result<Outputs> infer(const Reduce& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  NBL_CHECK(check_kind(op, x.type));
  NBL_TRY(const std::vector<bool> reduced, reduced_axes(op, x.shape.size()));
  Shape shape;
  Dim count = 1;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i]) count *= x.shape[i];
    if (!reduced[i]) shape.push_back(x.shape[i]);
    if (reduced[i] && op.keep_dims) shape.push_back(1);
  }
  if (op.kind == ReduceKind::mean && x.type == DType::i8) {
    NBL_CHECK(check_clamp(op.clamp, DType::i8));
    // Sums of (x - zero point), at most 255 each, are kept in int32.
    if (count.is_const()) NBL_CHECK(check_range("elements of a mean", count.value(), 1, kMaxDim / 255));
    NBL_TRY(TensorDesc y, declared_quantized(inputs, x, std::move(shape)));
    return one_output(std::move(y));
  }
  NBL_TRY(TensorDesc y, like(x, "x", std::move(shape)));
  return one_output(std::move(y));
}

AxisMap axes(const Reduce& op, Inputs inputs) {
  AxisMap map;
  size_t to = 0;
  for (size_t i = 0; i < inputs[0].shape.size(); ++i) {
    const bool reduced = std::find(op.axes.begin(), op.axes.end(), static_cast<int64_t>(i)) != op.axes.end();
    if (reduced) {
      map.freeze(input_axis(0, i), "reduced as a whole");
    } else {
      map.same(input_axis(0, i), output_axis(to));
    }
    if (!reduced || op.keep_dims) ++to;
  }
  return map;
}

}  // namespace nibble
