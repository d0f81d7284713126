// How much rounding noise a choice of channel factors leaves in what the readers of a tensor compute.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converter/equalize/channel_ranges.h"
#include "graph/graph.h"

namespace nibble::equalize {

// A node that reads scaled channels. Column c holds the weights that multiply channel c; an InstanceNorm multiplies by
// the inverse of each channel's deviation, which is not rounded.
struct Reader {
  int64_t outputs = 0;
  int64_t channels = 0;              // of its input
  std::vector<double> largest;       // [channels, outputs]: max |w| over the kernel; 0 where o does not read c
  std::vector<double> total;         // [channels]: sum of w^2 over outputs and kernel
  std::vector<bool> exact;           // [outputs]: the row lies on an int8 grid, until its columns are scaled apart
  int64_t kernel = 1;                // weights per (output, channel)
  std::vector<size_t> at;            // [channels]: index of the factor
  std::vector<ChannelRange> ranges;  // [channels]: of its input
};
Reader make_norm_reader(std::vector<size_t> factor_index, std::vector<ChannelRange> ranges);
Reader make_reader(const Graph& graph, const Node& node, std::vector<size_t> factor_index,
                   std::vector<ChannelRange> ranges);

// A tensor stored in one scale, some of whose channels are scaled.
struct ScaledTensor {
  std::vector<size_t> at;            // [channels]: index of the factor
  std::vector<ChannelRange> ranges;  // [channels]
};

struct NoiseOptions {
  bool integer_activations = true;  // else only weights are rounded
  double weight_levels = 127.0;     // of either sign: 127 for int8, 7 for int4
  int64_t weight_group = 0;         // input channels that share a weight scale; 0: all
};

// Noise of a group of tensors whose factors are chosen together, over the energy of what the readers compute: rounding
// activations in steps of a 254th of the tensor's range adds step^2 / 12 per value that is not 0, rounding weights in
// steps of a 127th of a row's largest adds step^2 / 12 per weight times the energy of what it multiplies. Errors are
// taken as independent.
class NoiseModel {
 public:
  NoiseModel(std::vector<Reader> readers, std::vector<ScaledTensor> tensors, std::vector<size_t> tensor_of_reader,
             NoiseOptions options);
  // Sum over readers of noise / signal when channel c is divided by factors[at[c]].
  double noise(std::span<const double> factors) const;

 private:
  double step_of(const ScaledTensor& tensor, std::span<const double> factors) const;
  double weight_noise(const Reader& reader, std::span<const double> factors) const;

  std::vector<Reader> readers_;
  std::vector<ScaledTensor> tensors_;
  std::vector<size_t> tensor_of_reader_;
  std::vector<double> energy_;  // by reader
  NoiseOptions options_;
};

}  // namespace nibble::equalize
