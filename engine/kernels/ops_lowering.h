// One lower() per operator: asks the Lowering for its tensors and emits the steps that compute the node.
#pragma once

#include "kernels/lowering.h"

namespace nibble {

#define NBL_OP(id, type) \
  struct type;           \
  Status lower(const type& op, const Node& node, Lowering& lowering);
#include "ops/ops.inc"
#undef NBL_OP

Status lower_shuffle(const ChannelShuffle& shuffle, Lowering& lowering);
Status lower_focus(const Focus& focus, Lowering& lowering);

}  // namespace nibble
