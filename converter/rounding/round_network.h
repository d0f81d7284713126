// All layers of a network, in order, each against what the rounded layers before it make of the samples.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "converter/rounding/round_layer.h"
#include "converter/statistics/gather.h"
#include "converter/statistics/moments_file.h"
#include "graph/graph.h"

namespace nibble::rounding {

using statistics::SampleFeed;

struct NetworkOptions {
  Options layer;
  // Sample i is picture i % pictures or a variation of it; of four pictures one is held out to choose how far each
  // layer is fitted, and then fitted to as well. 0: nothing is chosen.
  size_t pictures = 0;
  int64_t positions = 64;                                   // output positions of a sample that count
  size_t cache_bytes = size_t{256} << 20;                   // for tensors between passes
  std::function<void(size_t done, size_t total)> progress;  // in layers; may be empty
};

struct RoundedNetwork {
  std::map<std::string, quantization::RoundedLayer> layers;  // by node name, for quantization::Options::rounded
  std::map<std::string, double> relative_error;              // what rounding adds, as a share of the output's variance
};

// `graph` is the float network that quantize() will get, with the same ranges and options. Layers of other formats than
// int8 and int4 keep their weights. Layers with equal weights get equal ones, rounded on the original network's inputs;
// their biases are their own. Errors name the layer.
Result<RoundedNetwork> round_network(const Graph& graph, const quantization::Ranges& ranges,
                                     const quantization::Options& format, const SampleFeed& samples,
                                     const NetworkOptions& options);

// From statistics that were gathered before, without propagation; a layer's are read when it is its turn. Layers
// without statistics are left out.
Result<RoundedNetwork> round_network(const Graph& graph, const quantization::Options& format,
                                     const statistics::MomentsFile& statistics, const NetworkOptions& options);

// Without samples: every layer by its weights alone.
RoundedNetwork round_network_without_data(const Graph& graph, const quantization::Options& format);

}  // namespace nibble::rounding
