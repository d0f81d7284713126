#include "ops/matmul.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/binary.h"
#include "ops/checks.h"

namespace nibble {

Result<Outputs> infer(const MatMul& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 2, 2));
  const TensorDesc& a = inputs[0];
  const TensorDesc& b = inputs[1];
  NBL_CHECK(check_type(a, "a", {DType::f32, DType::f16}));
  NBL_CHECK(check_type(b, "b", {a.type}));
  NBL_CHECK(check_rank(a, "a", 2, kMaxRank));
  NBL_CHECK(check_rank(b, "b", 2, kMaxRank));
  const auto last = [](const Shape& shape, size_t from_end) { return shape[shape.size() - 1 - from_end]; };
  const Dim rows = last(a.shape, op.transpose_a ? 0 : 1);
  const Dim inner_a = last(a.shape, op.transpose_a ? 1 : 0);
  const Dim inner_b = last(b.shape, op.transpose_b ? 0 : 1);
  const Dim columns = last(b.shape, op.transpose_b ? 1 : 0);
  if (inner_a.is_const() && inner_b.is_const() && !(inner_a == inner_b)) {
    return bad_node(format("a and b: inner sizes %s and %s differ (shapes %s and %s)", inner_a.to_string().c_str(),
                           inner_b.to_string().c_str(), to_string(a.shape).c_str(), to_string(b.shape).c_str()));
  }
  NBL_TRY(Shape shape, broadcast(Shape(a.shape.begin(), a.shape.end() - 2), Shape(b.shape.begin(), b.shape.end() - 2)));
  shape.push_back(rows);
  shape.push_back(columns);
  TensorDesc y;
  y.type = a.type;
  y.shape = std::move(shape);
  return one_output(std::move(y));
}

AxisMap axes(const MatMul& op, Inputs inputs) {
  AxisMap map;
  const size_t rank_a = inputs[0].shape.size(), rank_b = inputs[1].shape.size();
  const size_t rank = rank_a > rank_b ? rank_a : rank_b;
  const auto shape = broadcast(Shape(inputs[0].shape.begin(), inputs[0].shape.end() - 2),
                               Shape(inputs[1].shape.begin(), inputs[1].shape.end() - 2));
  if (!shape) return map;
  Shape output = *shape;
  output.resize(rank, Dim(1));  // the last two are told apart below
  for (size_t slot = 0; slot < 2; ++slot) broadcast_axes(map, inputs, slot, output, 2);
  map.same(input_axis(0, rank_a - (op.transpose_a ? 1 : 2)), output_axis(rank - 2));
  map.same(input_axis(1, rank_b - (op.transpose_b ? 2 : 1)), output_axis(rank - 1));
  // Two computed factors: where both are zero nothing is lost, so both lose the index together.
  map.same(input_axis(0, rank_a - (op.transpose_a ? 2 : 1)), input_axis(1, rank_b - (op.transpose_b ? 1 : 2)));
  map.links.back().summed = true;
  return map;
}

}  // namespace nibble
