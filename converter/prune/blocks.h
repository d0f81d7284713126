// Whole residual branches: which can go, what they do, and the network without them.
#pragma once

#include <string>
#include <vector>

#include "converter/prune/compensate.h"
#include "converter/prune/sample_inputs.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::prune {

// The body of a residual sum: removing it leaves what the sum adds it to.
struct Block {
  std::string add;             // name of the sum's node, which stands for the block
  NodeId node = -1;            // the sum
  size_t body = 0;             // which of its inputs goes
  uint64_t multiply_adds = 0;  // of the nodes that only the body needs
  // 1 - mean cosine between what the body is added to and the sum, at each position over channels (block influence,
  // Men et al., ShortGPT, 2024); 0: the body does nothing. Set by block_influence().
  double influence = 1.0;
};

// Found from the graph: additions of two computed tensors of the sum's shape, one of which can take the sum's place; of
// two such bodies the one with more multiply-adds. In the order of the nodes.
std::vector<Block> find_blocks(const Graph& graph);

// Fills in `influence`, over at most 64 samples.
Status block_influence(const Graph& graph, const SampleInputs& samples, std::vector<Block>& blocks);

// The graph with what stays in place of these sums. Node and tensor ids stay, so nodes that nobody needs do too. An
// error names a sum that is no block.
Result<PrunedGraph> cut_blocks(const Graph& graph, const std::vector<std::string>& adds);

// Without these blocks; the layers behind are fitted to the original's sums (fit_layers). `graph` has split
// activations; ids of the result are its own.
Result<Graph> remove_blocks(const Graph& graph, const std::vector<std::string>& adds, const SampleInputs& samples,
                            bool compensate, const Watch& watch = {});

}  // namespace nibble::prune
