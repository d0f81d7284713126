// Collects the moments of layers and channels while samples run through the float network.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "converter/execute/executor.h"
#include "converter/statistics/layer_moments.h"
#include "converter/statistics/patches.h"

namespace nibble::statistics {

struct CollectOptions {
  // Output positions of a sample that count for each layer; all where there are not more. Which ones is a function of
  // the sample's number and the layer's name.
  int64_t positions = 64;
  int threads = 2;
};

// By node index of the graph it was made for; channel moments by tensor.
using LayerStatistics = std::map<NodeId, LayerMoments>;
using ChannelStatistics = std::map<TensorId, ChannelMoments>;

// True where moments can be collected: Conv2d, ConvTranspose2d, Linear with constant weights.
bool has_moments(const Graph& graph, const Node& node);
// All such nodes, in order.
std::vector<NodeId> moment_layers(const Graph& graph);
// Bytes of a layer's moments.
size_t moment_bytes(const Graph& graph, const Node& node);
// Of moments that are held at once, where a network's are more than that.
inline constexpr size_t kMostMomentBytes = size_t{256} << 20;
// The layers in order, cut into parts whose moments take at most `bytes` together (a single layer may take more).
std::vector<std::vector<NodeId>> moment_stages(const Graph& graph, const std::vector<NodeId>& layers, size_t bytes);

// Use: bind() once per shape of samples, then for each sample begin(number), run the executor with observer(), end().
// The order of samples is the order of sums; nothing depends on the number of threads.
class MomentsCollector {
 public:
  // `layers`: nodes of `graph` whose moments are wanted; `channels`: tensors whose channel moments are. `graph` may
  // have free dimensions and must outlive the collector.
  MomentsCollector(const Graph& graph, std::vector<NodeId> layers, std::vector<TensorId> channels,
                   const CollectOptions& options);

  // Shapes of the samples that follow; `bound` is `graph` with bound dimensions.
  Status bind(const Graph& bound);
  // `sample` is its number in the whole data set, so that parts that were collected apart add up to one run.
  void begin(uint64_t sample) { sample_ = sample; }
  TensorObserver observer();
  // An error names a tensor that held NaN or infinity in this sample; the statistics are then of no use.
  Status end();

  // The same in two steps, for samples that run side by side: what a sample brings is read while it runs, in any
  // thread, and added up in the order of samples. Channel moments have no part in it.
  struct SampleRows {
    uint64_t sample = 0;
    std::map<size_t, std::vector<float>> rows;  // by layer: [groups, positions, row]
    TensorId not_finite = kNoTensor;
  };
  TensorObserver reader(SampleRows& rows) const;
  Status add(const SampleRows& rows);
  // Bytes of the rows of a sample, at most.
  size_t sample_bytes() const;

  // The sums so far; the collector is empty afterwards.
  LayerStatistics take_layers();
  ChannelStatistics take_channels() { return std::move(channels_); }

 private:
  // One layer: rows wait until there are enough of them for a matrix product.
  struct Layer {
    NodeId node;
    uint64_t seed = 0;
    PatchReader reader;
    LayerMoments moments;
    std::vector<float> rows;  // [n, row] waiting; of a layer without groups
    int64_t waiting = 0;
  };
  // [groups, n, row] of the sample.
  std::vector<float> read_rows(const Layer& layer, uint64_t sample, std::span<const float> values) const;
  void add(Layer& layer, std::span<const float> rows);
  Status check_finite(TensorId not_finite, uint64_t sample) const;
  void flush(Layer& layer);

  const Graph& graph_;
  CollectOptions options_;
  std::vector<Layer> layers_;
  std::map<TensorId, std::vector<size_t>> readers_;  // by tensor: the layers that read it
  ChannelStatistics channels_;
  std::map<TensorId, int64_t> channel_counts_;  // channels of the tensors of channels_, once bound
  std::map<TensorId, int64_t> planes_;          // elements behind axis 1
  uint64_t sample_ = 0;
  TensorId not_finite_ = kNoTensor;
};

// Seed of a layer's positions in a sample.
uint64_t position_seed(const std::string& layer, uint64_t sample);

}  // namespace nibble::statistics
