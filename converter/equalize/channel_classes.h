// Which channels of which tensors must be scaled alike.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace nibble::equalize {

// Scaling a channel by a factor is invisible when every node that makes it can divide by the factor and every node that
// reads it can multiply by it. Between the two, nodes that treat each channel by itself pass the factor on. Channels
// that such nodes tie together (the two sides of an addition, a Concat's part and its whole) form one class.
struct ChannelClasses {
  // By tensor: the class of each channel (index of axis 1); empty for constants and tensors without channels.
  std::vector<std::vector<int32_t>> of_tensor;
  // By class. A frozen class reaches a graph input, a graph output, or a node that does not commute with a factor.
  std::vector<bool> frozen;

  size_t count() const { return frozen.size(); }
};

struct ClassOptions {
  // Elementwise functions that do not commute with a factor (SiLU, Sigmoid, ...) may make scaled channels, by a
  // multiplication behind them. Worth it where that becomes a part of an int8 table.
  bool behind_functions = false;
};

ChannelClasses find_channel_classes(const Graph& graph, const ClassOptions& options);

// True for nodes whose weights or scales can take a factor per output channel: Conv2d, ConvTranspose2d, Linear on
// [N, C], InstanceNorm, with constants in f32 and nothing but ReLU behind them.
bool takes_output_factors(const Graph& graph, const Node& node);
// True for Conv2d, ConvTranspose2d, Linear on [N, C] whose constant f32 weights can take a factor per input channel,
// and for InstanceNorm, to which a channel's scale is nothing (up to its epsilon).
bool takes_input_factors(const Graph& graph, const Node& node);
// An elementwise function of one computed tensor with channels that no factor commutes with.
bool is_function(const Graph& graph, const Node& node);

}  // namespace nibble::equalize
