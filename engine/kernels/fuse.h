// Which nodes the step of a convolution computes along with its own. Found on the bound graph, before lowering; only
// what leaves every bit as it is: each stage rounds as the step that it replaces would.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace nibble {

// What follows a weighted node (Conv2d, ConvTranspose2d, Linear) in the same step, in this order.
struct Finish {
  NodeId weighted = -1;
  std::vector<NodeId> maps;       // integer: functions of one byte (Unary with a table, Convert), one table in all
  NodeId add = -1;                // Binary add or sub of two tensors of one shape
  TensorId residual = kNoTensor;  // its other input
  TensorId output = kNoTensor;    // what the step writes: the last node's output
  bool operator==(const Finish&) const = default;
};

// A tensor that its producer may write straight into the output of the Concat that reads it.
struct ConcatPart {
  NodeId concat = -1;      // -1: none
  int64_t begin = 0;       // along the Concat's axis
  bool only_here = false;  // nothing else reads it
};

// What is left of a shuffle of two groups of channels, of the Concat before it and of the Slices behind it: the output
// has channels first, first + 1, ... of the shuffled image, whose channel c is channel c / 2 of the first source (c
// even) or the second, counted from that source's `begin`.
struct ChannelShuffle {
  std::array<TensorId, 2> sources{kNoTensor, kNoTensor};  // of one size but for the channels; may be the same tensor
  std::array<int64_t, 2> begins{};
  int64_t first = 0;
  TensorId output = kNoTensor;
};

// Parts of one image of 4 channels or fewer, all with the same steps and size, channel after channel: a Concat of
// Slices, which is how networks turn space into depth (the Focus layer of YOLOv5 and YOLOX).
struct Focus {
  struct Pixel {
    int64_t y = 0, x = 0;
  };
  TensorId source = kNoTensor;
  Pixel step;
  std::vector<Pixel> firsts;  // 2 to 4
  TensorId output = kNoTensor;
};

// Empty when nothing is fused.
struct Fusion {
  std::vector<Finish> finishes;
  // By node. Nodes of a finish are lowered as a whole, behind the first node after which all that it reads is there.
  std::vector<uint8_t> absorbed;
  std::vector<std::vector<size_t>> finishes_behind;  // indices into `finishes`
  std::vector<ConcatPart> parts;                     // by tensor
  std::vector<ChannelShuffle> shuffles;
  std::vector<int32_t> shuffle_of;  // by node: index of what it is lowered as, -1
  std::vector<Focus> focuses;
  std::vector<int32_t> focus_of;  // by node, the same
};

// A tensor that is an output of the graph, or has several readers, is written as it is; its producer absorbs nothing
// behind it.
Fusion fuse(const Graph& bound);
// Its parts that find shuffles and what turns space into depth; `absorbed` has its size.
void find_shuffles(const Graph& bound, Fusion& fusion);
void find_focuses(const Graph& bound, Fusion& fusion);

// The table of bytes that a finish's maps make in all, for -128 to 127.
std::array<int8_t, 256> joined_table(const Graph& graph, const Finish& finish);

}  // namespace nibble
