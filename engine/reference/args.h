// What evaluate() of every operator takes.
#pragma once

#include <span>

#include "nibble/result.h"
#include "reference/value.h"

namespace nibble {

#define NBL_OP(id, type) struct type;
#include "ops/ops.inc"
#undef NBL_OP

namespace reference {

// Inputs (null where absent) and the output with shape, type and room for its elements; infer() has accepted the node.
template <class T>
struct Args {
  std::span<const BasicValue<T>* const> in;
  BasicValue<T>& out;

  bool has(size_t i) const { return i < in.size() && in[i] != nullptr; }
  const BasicValue<T>& operator[](size_t i) const { return *in[i]; }
};

// One overload an operator, for double and float. Integer nodes are computed in integers (ops/INTEGER.md).
#define NBL_OP(id, type) \
  template <class T>     \
  Status evaluate(const type& op, Args<T>& args);
#include "ops/ops.inc"
#undef NBL_OP

// Calls f(elements of from, elements of to) on the numbers of either kind, for operators that only move them.
template <class T, class F>
void with_elements(const BasicValue<T>& from, BasicValue<T>& to, F&& f) {
  if (from.is_real()) {
    f(from.real.data(), to.real.data());
  } else {
    f(from.stored.data(), to.stored.data());
  }
}

}  // namespace reference
}  // namespace nibble
