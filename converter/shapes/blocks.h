// The kinds of rows: what each adds to a network.
#pragma once

#include <string>
#include <vector>

#include "converter/shapes/network_builder.h"
#include "converter/shapes/rows.h"

namespace nibble::shapes {

// A row with its inputs looked up and its channel counts multiplied.
struct Block {
  const Row& row;
  std::vector<TensorId> inputs;
  double channel_factor = 1.0;

  TensorId x() const { return inputs.empty() ? kNoTensor : inputs[0]; }
  int64_t number(char letter, int64_t otherwise) const { return row.number(letter, otherwise); }
  // A channel count times the factor, to the nearest multiple of 8 and at least 8; as it stands in rows with `fixed`.
  int64_t channels(char letter) const;
  std::string activation() const;  // the row's activation word, or ""
};

struct Kind {
  const char* name;
  const char* numbers;  // letters that may be given
  const char* needed;   // and those that must
  const char* words;    // separated by spaces; activations where "activation" is among them
  size_t least_inputs, most_inputs;
  TensorId (*build)(NetworkBuilder&, const Block&);
};
const std::vector<Kind>& kinds();

// Blocks of transformers (attention.cpp).
TensorId build_positions(NetworkBuilder& net, const Block& block);
TensorId build_transformer(NetworkBuilder& net, const Block& block);
TensorId build_llama(NetworkBuilder& net, const Block& block);
TensorId build_norm(NetworkBuilder& net, const Block& block);

}  // namespace nibble::shapes
