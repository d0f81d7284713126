// What a model file says about the meaning of its inputs and outputs (the keys nibble-convert writes into META).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/detection.h"
#include "media/preprocess.h"
#include "nibble/model.h"

namespace nibble::tools {

struct Meaning {
  media::Preprocessing preprocessing;
  std::vector<std::string> classes;           // empty: the file has no names
  std::optional<media::Detection> detection;  // the network is a detector
};

// `preprocess` is a JSON file that takes the place of the model's own; empty: none.
Result<Meaning> read_meaning(const Model& model, const std::string& preprocess);

// The name of class `index` of `classes` (the network's number of classes): with label_offset the names may lack the
// classes before it. "class 7" where there is no name.
std::string class_name(const Meaning& meaning, size_t index, size_t classes);

}  // namespace nibble::tools
