// Graphs that the tests of the file format write and read.
#pragma once

#include "graph/graph.h"

namespace nibble::test {

// Linear 3 -> 2 with weights of 24 bytes: a file of about 1 KiB.
Graph tiny_graph();

// Every operator at least once, with attributes away from their defaults, free dimensions, every element type, packing
// and kind of quantization, a shared and an absent input.
Graph graph_of_all_operators();

// The shape of ResNet20 for CIFAR-10 after quantization to int8: 19 convolutions, 9 additions, pooling, Linear.
// `weights` is i8 or i4 (which keeps i8 in the first convolution).
Graph resnet20(DType weights);

}  // namespace nibble::test
