// Where the accuracy went: the error of each tensor that both networks have, in the order of the network.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/report/compared_network.h"
#include "converter/report/error_sums.h"
#include "graph/graph.h"

namespace nibble::report {

struct LayerError {
  std::string name;       // the tensor, as the reference calls it
  std::string op;         // what computes it: "Conv2d", or "input"
  std::string stored_as;  // the tensor's name in the .nbl file
  ErrorSums sums;
  double noise_in = 0.0;  // greatest noise / signal among the tensors it is computed from (0 for an input)

  // How much noise / signal it adds to what it was given; 0 where that cannot be said.
  double added_noise() const;
};

class LayerErrors {
 public:
  // Pairs tensors of the same name; where a network's inputs and outputs are concerned the quantized form ("x:i8",
  // "x:f16") is taken. Bytes that are pixels have no counterpart.
  LayerErrors(const Graph& reference, const Graph& stored);

  // Runs both networks on a sample; what `stored` did not keep is left out.
  Status add(ComparedNetwork& reference, StoredNetwork& stored, const std::vector<reference::FloatValue>& values);
  // For tests and other sources of values: of one tensor, by the reference's name. Others are passed over.
  void add(const std::string& name, std::span<const float> reference, std::span<const float> other);

  // Tensors that have a counterpart: the reference's name -> the name in the .nbl file.
  std::map<std::string, std::string> counterparts() const;
  // Those that were measured.
  std::vector<LayerError> layers() const;

 private:
  std::vector<std::vector<size_t>> sources_;  // per entry: entries that it is computed from
  std::vector<LayerError> entries_;           // all tensors, in the order in which they are computed
  std::map<std::string, size_t> by_name_;
};

// The indices of at most `count` layers that add noise, the greatest addition first.
std::vector<size_t> worst_layers(const std::vector<LayerError>& layers, size_t count);

}  // namespace nibble::report
