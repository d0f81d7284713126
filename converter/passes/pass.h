// A pass rewrites the graph and says whether it changed anything. Passes keep the names of graph outputs.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/op.h"

namespace nibble::passes {

struct Options {
  // Integer nodes follow: only ReLU and Clip may be fused, everything else becomes a table of its own.
  bool integer_activations = false;
};

bool name_apart(Graph& graph, const Options& options);             // no two nodes of one name
bool simplify_views(Graph& graph, const Options& options);         // Reshape of Reshape, identities
bool scalars_to_affine(Graph& graph, const Options& options);      // x * 2 + 1 as one Unary
bool recognize_activations(Graph& graph, const Options& options);  // x * sigmoid(x) as SiLU, and the like
bool fold_affine(Graph& graph, const Options& options);            // BatchNorm and bias into weights
bool fold_pad(Graph& graph, const Options& options);               // zero padding into the convolution after it
bool fuse_activation(Graph& graph, const Options& options);
bool merge_equal(Graph& graph, const Options& options);  // the same node computed twice

struct Pass {
  const char* name;
  bool (*run)(Graph&, const Options&);
};
// All passes in order; the list is run until nothing changes.
const std::vector<Pass>& pipeline();

// Runs the pipeline; `dump_after` names a pass after which the graph is printed to stderr ("all": after each).
// Every pass is followed by verify().
Status run(Graph& graph, const Options& options, const std::string& dump_after = "");

}  // namespace nibble::passes
