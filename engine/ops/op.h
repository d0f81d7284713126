// The closed variant of all operators. Include it only where operators are told apart (dispatchers); everything else
// gets by with graph.h, so that touching one operator does not rebuild the world.
#pragma once

#include <memory>
#include <variant>

#include "graph/graph.h"
#include "ops/arg_reduce.h"
#include "ops/binary.h"
#include "ops/concat.h"
#include "ops/conv2d.h"
#include "ops/conv_transpose2d.h"
#include "ops/convert.h"
#include "ops/expand.h"
#include "ops/gather.h"
#include "ops/instance_norm.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/pad.h"
#include "ops/pool2d.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/resize.h"
#include "ops/slice.h"
#include "ops/softmax.h"
#include "ops/transpose.h"
#include "ops/unary.h"

namespace nibble {

struct Op {
  using Variant = std::variant<std::monostate
#define NBL_OP(id, type) , type
#include "ops/ops.inc"
#undef NBL_OP
                               >;
  Variant value;

  Op() = default;
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, Op>) Op(T op) : value(std::move(op)) {}
};

// Calls f(concrete operator). The graph never holds an empty Op.
template <class F>
decltype(auto) visit_op(const Op& op, F&& f) {
  using Return = std::invoke_result_t<F&, const Unary&>;  // named here: clang 14 crashes on it inside the lambda
  return std::visit(
      [&](const auto& concrete) -> Return {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(concrete)>, std::monostate>) {
          std::abort();
        } else {
          return f(concrete);
        }
      },
      op.value);
}

template <class T>
const T* op_if(const Node& node) {
  return std::get_if<T>(&node.op->value);
}

// Replaces a node's operator.
template <class T>
void set_op(Node& node, T op) {
  node.op = std::make_shared<const Op>(std::move(op));
}

uint16_t op_id(const Op& op);       // the number stored in files
const char* op_name(const Op& op);  // "Conv2d"
const char* op_name(const Node& node);
// An operator with default attributes, or nothing for an unknown id.
std::optional<Op> make_op(uint16_t id);

Result<Outputs> infer_node(const Node& node, Inputs inputs);

}  // namespace nibble
