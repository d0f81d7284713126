// Small networks for the tests of the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace nibble::test {

// Input "x" [N, 3, 9, 7] f32 -> Conv2d 3x3 to 6 channels with ReLU -> Conv2d 3x3 to 6 channels -> added to the first
// convolution's result -> output "sum" [N, 6, 9, 7]. The weights come from a fixed pseudo-random sequence.
Graph residual_network();

// Input "x" [N, 3, 9, 7] f32 -> 1x1 convolutions "c0".."c<depth-1>" with 8 channels, then ReLU "y".
Graph deep_network(int depth);

// Input "x" [N, channels, 1, 1] f32 -> 1x1 convolution to as many channels: all weights, no work.
Graph wide_network(int64_t channels);

// Input "x" [N, 5, 6, 6] i8 -> 3x3 convolution with int8 weights to 6 channels -> max pool 2x2 -> output "pool" i8.
Graph integer_network();

// One tensor "x" of that type and shape, which is input and output; no nodes.
Graph identity_network(DType type, Shape shape);

// Values in [-1, 1] from a fixed sequence that depends on `seed`.
std::vector<float> some_values(size_t count, uint32_t seed);

// Bytes of the constants in the network.
uint64_t constant_bytes(const Graph& graph);

// The output of the oracle (reference/), whose graph has one f32 input and one f32 output.
std::vector<float> expected_output(const Graph& bound, const std::vector<float>& input);
// The same for i8.
std::vector<int8_t> expected_output(const Graph& bound, const std::vector<int8_t>& input);

}  // namespace nibble::test
