#include "ops/conv2d.h"

#include "core/try.h"
#include "kernels/conv_parts.h"
#include "kernels/ops_lowering.h"

namespace nibble {

Status lower(const Conv2d& op, const Node& node, Lowering& lowering) {
  NBL_TRY(ConvProblem c, image_problem(node, lowering));
  c.groups = op.groups;
  c.stride_h = op.stride_h, c.stride_w = op.stride_w;
  c.dilation_h = op.dilation_h, c.dilation_w = op.dilation_w;
  c.pad_top = op.pad_top, c.pad_left = op.pad_left;
  c.activation = op.activation;
  c.clamp = op.clamp;
  return lower_conv(c, node, lowering);
}

}  // namespace nibble
