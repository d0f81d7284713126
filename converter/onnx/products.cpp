// Gemm and MatMul: with a constant right side they become Linear, otherwise MatMul.
#include "converter/onnx/importer.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::onnx_import {
namespace {

// y = alpha * x + beta as a node, nothing where it is the identity.
Result<TensorId> scale(NodeContext& node, TensorId x, float factor) {
  if (factor == 1.0f) return x;
  return node.emit(Unary{UnaryKind::affine, factor, 0.0f}, {x});
}

}  // namespace

Status import_gemm(NodeContext& node) {
  NBL_TRY(const float alpha, node.real("alpha", 1.0f));
  NBL_TRY(const float beta, node.real("beta", 1.0f));
  NBL_TRY(const int64_t trans_a, node.integer("transA", 0));
  NBL_TRY(const int64_t trans_b, node.integer("transB", 0));
  node.ignore("broadcast");  // opset 6: C broadcasts; later always
  if (node.rank(0) != 2 || node.rank(1) != 2) return node.fail("expected two matrices");
  NBL_TRY(TensorId a, node.tensor(0));
  NBL_TRY(TensorId b, node.tensor(1));
  TensorId y;
  if (node.is_constant(1)) {
    if (trans_a) {
      NBL_TRY(a, node.emit(Transpose{{1, 0}}, {a}));
    }
    if (!trans_b) {
      NBL_TRY(b, node.emit(Transpose{{1, 0}}, {b}));
    }
    NBL_TRY(b, scale(node, b, alpha));
    std::vector<TensorId> inputs{a, b};
    // A bias of one row goes into the node; anything else is added after it.
    const Dim n = node.desc(b).shape[0];
    const bool row = node.has(2) && node.is_constant(2) && elements(node.shape(2)) == n && !node.shape(2).empty() &&
                     node.shape(2).back() == n;
    if (row) {
      NBL_TRY(TensorId c, node.tensor(2));
      NBL_TRY(c, node.reshape(c, {n}));
      NBL_TRY(c, scale(node, c, beta));
      inputs.push_back(c);
    }
    NBL_TRY(y, node.emit(Linear{}, std::move(inputs)));
    if (row || !node.has(2)) return node.set(0, y);
  } else {
    NBL_TRY(y, node.emit(MatMul{.transpose_a = trans_a != 0, .transpose_b = trans_b != 0}, {a, b}));
    NBL_TRY(y, scale(node, y, alpha));
    if (!node.has(2)) return node.set(0, y);
  }
  NBL_TRY(TensorId c, node.tensor(2));
  NBL_TRY(c, scale(node, c, beta));
  NBL_TRY(y, node.emit(Binary{.kind = BinaryKind::add}, {y, c}));
  return node.set(0, y);
}

Status import_matmul(NodeContext& node) {
  NBL_TRY(TensorId a, node.tensor(0));
  NBL_TRY(TensorId b, node.tensor(1));
  if (node.rank(0) == 0 || node.rank(1) == 0) return node.fail("expected tensors of rank 1 or more");
  // Vectors count as a matrix of one row (left) or one column (right); that axis is dropped afterwards.
  const bool row = node.rank(0) == 1, column = node.rank(1) == 1;
  if (row) {
    NBL_TRY(a, node.reshape(a, {1, node.shape(0)[0]}));
  }
  if (column) {
    NBL_TRY(b, node.reshape(b, {node.shape(1)[0], 1}));
  }
  TensorId y;
  if (node.is_constant(1) && !node.is_constant(0) && node.desc(b).shape.size() == 2) {
    NBL_TRY(b, node.emit(Transpose{{1, 0}}, {b}));
    NBL_TRY(y, node.emit(Linear{}, {a, b}));
  } else {
    NBL_TRY(y, node.emit(MatMul{}, {a, b}));
  }
  Shape shape = node.desc(y).shape;
  if (column) shape.pop_back();
  if (row) shape.erase(shape.end() - (column ? 1 : 2));
  NBL_TRY(y, node.reshape(y, shape));
  return node.set(0, y);
}

}  // namespace nibble::onnx_import
