// Label-free recovery of a changed float network: its weights are trained until it computes again what the original
// does, on unlabelled samples. Blocks after Li et al., "BRECQ" (2021): each one's output is fitted to the original's,
// from the input that the changed network gives it; the whole network after Hinton et al., "Distilling the Knowledge in
// a Neural Network" (2015). Nothing is kept that does not help on samples that were held out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/recover/features.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::recover {

// For tensors of the changed network with fewer channels than the original's: which of the original's these are, by
// tensor name. Tensors of the same name and shape need no entry.
using KeptChannels = std::map<std::string, std::vector<int64_t>>;

struct Options {
  int64_t steps = 400;                     // of each block; the whole network gets four times as many
  int64_t batch = 32;                      // samples a step; fewer where they would not fit in memory
  double rate = 0.01;                      // see TrainOptions
  int threads = 2;                         // no influence on the result
  size_t cache_bytes = size_t{256} << 20;  // of features; as many samples are used as fit in
  bool keep_zeros = false;                 // weights that are zero stay zero
};

// What became of one block.
struct BlockReport {
  std::string input, output;                               // tensor names
  size_t layers = 0;                                       // with weights
  size_t samples = 0;                                      // trained on
  double loss_before = 0.0, loss_after = 0.0;              // on held-out samples
  double divergence_before = 0.0, divergence_after = 0.0;  // of the whole network, see Divergence
  bool kept = false;
  std::string reason;  // why not kept or not tried; empty where kept
};

struct Recovered {
  Graph graph;                                             // the changed one where nothing was kept
  double divergence_before = 0.0, divergence_after = 0.0;  // on held-out samples
  std::vector<BlockReport> blocks;
};

// `original` and `changed` may have free dimensions, but all samples must have one size. Every fifth sample is
// held out. Memory does not depend on their number.
Result<Recovered> recover_blocks(const Graph& original, const Graph& changed, const Samples& samples,
                                 const KeptChannels& kept, const Options& options);

// All of the network as one block; pictures are mirrored and moved. An error with Code::unsupported_op where an
// operator has no gradient here, or the network several inputs or outputs.
Result<Recovered> recover_network(const Graph& original, const Graph& changed, const Samples& samples,
                                  const Options& options);

}  // namespace nibble::recover
