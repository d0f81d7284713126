// A node prepared for many runs.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"
#include "reference/value.h"

namespace nibble {

// Memory that the layers of one run use one after the other.
struct LayerScratch {
  std::vector<float> source;
  std::vector<float> target;
  std::vector<float> work;
};

class FastLayer {
 public:
  virtual ~FastLayer() = default;
  // `x` and, for products of two computed tensors, `y` (else null); out has its shape and room for its elements.
  virtual Status run(const reference::FloatValue& x, const reference::FloatValue* y, reference::FloatValue& out,
                     LayerScratch& scratch) const = 0;
};

// A oneDNN layer for Conv2d, ConvTranspose2d, Linear or MatMul in float; null where oneDNN has none for these shapes or
// the node is another one. Constants are read from the graph once, here.
Result<std::unique_ptr<FastLayer>> make_dnnl_layer(const Graph& graph, const Node& node);

// How many threads oneDNN uses in the calling thread, until destroyed. Without OpenMP it uses all cores.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_ = 0;
};

}  // namespace nibble
