#include "ops/unary.h"

#include "core/text.h"
#include "core/try.h"
#include "ops/checks.h"

namespace nibble {

namespace {

// Functions that stay within the integers; shape arithmetic and index tensors use them.
bool works_on_integers(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::identity:
    case UnaryKind::relu:
    case UnaryKind::clip:
    case UnaryKind::neg:
    case UnaryKind::abs:
    case UnaryKind::sign: return true;
    default: return false;
  }
}

Result<Outputs> infer_table(const TensorDesc& x, Inputs inputs) {
  const TensorDesc& table = inputs[1];
  NBL_CHECK(check_type(x, "x of a table", {DType::i8, DType::u8}));
  NBL_CHECK(check_type(table, "table", {DType::i8, DType::u8}));
  NBL_CHECK(check_rank(table, "table", 1, 2));
  if (table.packing != Packing::plain) return bad_node("table: packed in another order than kernels read");
  if (table.shape.size() == 1) {
    NBL_CHECK(check_shape(table, "table", {256}));
  } else {
    NBL_CHECK(check_rank(x, "x of a table per channel", 2, kMaxRank));
    NBL_CHECK(check_known(x.shape[1], "channels of x"));
    NBL_CHECK(check_shape(table, "table", {x.shape[1], 256}));
  }
  TensorDesc like_table = x;  // the output has the table's type: uint8 pixels become int8 and back
  like_table.type = table.type;
  like_table.quant = {};
  NBL_TRY(TensorDesc y, declared_quantized(inputs, like_table, x.shape));
  return one_output(std::move(y));
}

}  // namespace

Result<Outputs> infer(const Unary& op, Inputs inputs) {
  NBL_CHECK(check_inputs(inputs, 1, 2));
  if (!is_valid(op.kind)) return bad_node(format("kind: unknown function number %d", static_cast<int>(op.kind)));
  const TensorDesc& x = inputs[0];
  if (inputs.has(1)) return infer_table(x, inputs);
  if (is_quantized_type(x.type) && op.kind != UnaryKind::identity) {
    return bad_node(format("x: %s of type %s needs a table", to_string(op.kind), to_string(x.type)));
  }
  const bool integer = x.type == DType::i32 || x.type == DType::i64;
  if (integer && !works_on_integers(op.kind)) {
    return bad_node(format("x: %s is not defined for type %s", to_string(op.kind), to_string(x.type)));
  }
  if (x.type == DType::boolean && op.kind != UnaryKind::identity) {
    return bad_node(format("x: %s is not defined for type bool", to_string(op.kind)));
  }
  NBL_TRY(TensorDesc y, like(x, "x", x.shape));
  return one_output(std::move(y));
}

AxisMap axes(const Unary&, Inputs inputs) {
  AxisMap map = elementwise_axes(inputs);
  if (inputs.has(1) && inputs[1].shape.size() == 2) map.same(input_axis(1, 0), output_axis(1));
  return map;
}

}  // namespace nibble
