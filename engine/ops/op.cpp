#include "ops/op.h"

namespace nibble {
namespace {

template <class T>
struct OpTraits;
#define NBL_OP(number, type)                   \
  template <>                                  \
  struct OpTraits<type> {                      \
    static constexpr uint16_t id = number;     \
    static constexpr const char* name = #type; \
  };
#include "ops/ops.inc"
#undef NBL_OP

}  // namespace

uint16_t op_id(const Op& op) {
  return visit_op(op, [](const auto& concrete) { return OpTraits<std::remove_cvref_t<decltype(concrete)>>::id; });
}

const char* op_name(const Op& op) {
  return visit_op(op, [](const auto& concrete) { return OpTraits<std::remove_cvref_t<decltype(concrete)>>::name; });
}

const char* op_name(const Node& node) { return op_name(*node.op); }

std::optional<Op> make_op(uint16_t id) {
  switch (id) {
#define NBL_OP(number, type) \
  case number:               \
    return Op(type{});
#include "ops/ops.inc"
#undef NBL_OP
    default: return std::nullopt;
  }
}

// Takes a Node, not an Op: with an Op parameter a missing overload would convert back to the variant and recurse.
Result<Outputs> infer_node(const Node& node, Inputs inputs) {
  return visit_op(*node.op, [&](const auto& concrete) -> Result<Outputs> { return infer(concrete, inputs); });
}

}  // namespace nibble
