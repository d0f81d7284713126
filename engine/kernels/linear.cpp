#include "ops/linear.h"

#include "core/try.h"
#include "kernels/conv_parts.h"
#include "kernels/ops_lowering.h"

namespace nibble {

// A convolution of 1 x 1: rows of x are the pixels of an image one row high, and a pixel's channel blocks lie together.
Status lower(const Linear& op, const Node& node, Lowering& lowering) {
  const size_t rank = lowering.shape_of(node.inputs[conv_input::x]).size();
  const Layout rows{static_cast<int32_t>(rank) - 1};
  ConvProblem c;
  NBL_CHECK(set_operands(c, node, lowering, rows));
  c.in_w = c.out_w = c.x.units.outer;
  c.in_channels = c.x.units.channels;
  c.out_channels = c.y.units.channels;
  c.x_pixel = c.x.units.blocks;
  c.y_pixel = c.y.units.blocks;
  c.activation = op.activation;
  c.clamp = op.clamp;
  return lower_conv(c, node, lowering);
}

}  // namespace nibble
