// The public networks of the shared data, what is recorded of them, and how they are converted here.
#pragma once

#include <string>
#include <vector>

#include "converter/quantize/quantize.h"
#include "graph/graph.h"
#include "media/preprocess.h"
#include "nibble/model.h"
#include "reference/value.h"

namespace nibble::test {

struct Network {
  const char* name;        // of the ONNX file, without folder and ending
  const char* folder;      // below models/
  const char* preprocess;  // JSON, see media/preprocess.h
  bool slow = false;       // billions of multiply-adds: on SwiftShader only with --all
};

// The eleven vision networks, in all the files they come in.
const std::vector<Network>& vision_networks();
const Network& network(const std::string& name);
// Its name with nothing but letters, digits and '_', as GoogleTest wants it.
std::string test_name(const std::string& name);

struct Recorded {
  std::vector<reference::FloatValue> inputs;
  struct Output {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
    int64_t step = 1;  // only every step-th row and column is recorded
  };
  std::vector<Output> outputs;
};

// The path of a network's file, or empty when the shared data is not there.
std::string network_path(const Network& network);
Result<Recorded> recorded(const Network& network);

// Import and passes, with free dimensions left free.
Result<Graph> import_network(const Network& network, bool integer_activations);

// What nibble-convert does, with ranges from the given samples (recorded inputs, say).
Result<Graph> quantized_network(const Network& network, const quantization::Options& options,
                                const std::vector<std::vector<reference::FloatValue>>& samples);

// The largest |found - recorded| as a share of the largest |recorded|; infinite for NaN.
double relative_error(const Recorded::Output& output, const std::vector<float>& found);

}  // namespace nibble::test
