#include "ops/slice.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

Status check_axis(size_t axis, const Dim& size, const Dim& start, int64_t step, const Dim& count) {
  if (step == 0 || step < -kMaxDim || step > kMaxDim) {
    return bad_node(format("axis %zu: expected a step other than 0, found %lld", axis, static_cast<long long>(step)));
  }
  if (!size.is_const() || !start.is_const() || !count.is_const()) return {};
  NBL_CHECK(check_range("size of a slice", count.value(), 1, kMaxDim));
  const int64_t last_index = size.value() - 1;
  const Dim last = start + (count - 1) * step;
  if (start.value() < 0 || start.value() > last_index || last.value() < 0 || last.value() > last_index) {
    return bad_node(format("axis %zu: indices %s to %s are outside a size of %s", axis, start.to_string().c_str(),
                           last.to_string().c_str(), size.to_string().c_str()));
  }
  return {};
}

}  // namespace

Result<Outputs> infer(const Slice& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 1));
  const TensorDesc& x = inputs[0];
  const size_t rank = x.shape.size();
  if (op.starts.size() != rank || op.steps.size() != rank || op.sizes.size() != rank) {
    return bad_node(format("expected %zu starts, steps and sizes, found %zu, %zu and %zu", rank, op.starts.size(),
                           op.steps.size(), op.sizes.size()));
  }
  for (size_t i = 0; i < rank; ++i) NBL_CHECK(check_axis(i, x.shape[i], op.starts[i], op.steps[i], op.sizes[i]));
  NBL_TRY(TensorDesc y, like(x, "x", op.sizes));
  return one_output(std::move(y));
}

AxisMap axes(const Slice& op, Inputs inputs) {
  AxisMap map;
  for (size_t i = 0; i < op.starts.size(); ++i) {
    const Dim& size = inputs[0].shape[i];
    if (op.steps[i] == 1 && op.starts[i] == Dim(0) && op.sizes[i] == size) {
      map.same(input_axis(0, i), output_axis(i));
    } else if (op.steps[i] == 1 && op.starts[i].is_const() && op.sizes[i].is_const()) {
      map.range(input_axis(0, i), op.starts[i].value(), output_axis(i), 0, op.sizes[i].value());
    } else {
      map.freeze(input_axis(0, i), "sliced with a step or at a free place");
      map.freeze(output_axis(i), "sliced with a step or at a free place");
    }
  }
  return map;
}

}  // namespace nibble
