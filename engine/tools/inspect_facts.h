// What nibble-inspect tells about a model file, as plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble {

struct TensorFacts {
  std::string name, type, shape, quantization;  // quantization is empty for floats
};

struct LayerFacts {
  std::string name, op, shape;  // shape of the first output
  std::string weights;          // "i8", "i4 g32", "f32"; empty without any
  std::string activations;      // "i8", or "f32 -> i8" where they differ
  uint64_t bytes = 0;           // of constants that no earlier layer uses
  uint64_t parameters = 0;      // elements of weights and biases, without what quantization adds
  uint64_t multiply_adds = 0;
  bool integer = false;
};

struct SectionFacts {
  std::string name;
  uint64_t bytes = 0;
};

struct MetadataFacts {
  std::string key;
  uint64_t bytes = 0;
  std::string preview;  // the first characters in one line
};

struct ModelFacts {
  std::string path;
  uint32_t format_major = 0, format_minor = 0;
  uint64_t file_bytes = 0;
  std::vector<SectionFacts> sections;
  std::vector<TensorFacts> inputs, outputs;
  std::vector<std::string> free_dims;
  std::vector<LayerFacts> layers;
  std::vector<MetadataFacts> metadata;
  uint64_t constant_bytes = 0, parameters = 0, multiply_adds = 0, integer_multiply_adds = 0;

  // 0..1; 1 where there are no multiply-adds.
  double integer_share() const;
};

// Header, sections and checksums of the file; the graph is added by add_graph().
Result<ModelFacts> container_facts(const std::string& path);

// `bound` is the file's graph with its free dimensions bound; multiply-adds are counted there.
void add_graph(ModelFacts& facts, const Graph& graph, const Graph& bound);

}  // namespace nibble
