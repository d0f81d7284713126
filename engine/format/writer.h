// Graphs to .nbl files.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "format/coded_data_writer.h"
#include "graph/graph.h"

namespace nibble {

struct WriteOptions {
  DataCompressor compressor;  // given: the constants are written entropy-coded (section ZDAT)
};

// Writes the graph with its constants and metadata. The same graph gives the same bytes. The file appears under its
// name only when it is complete; an error (an invalid graph, a full disk, ...) leaves what was there before.
Status write_model(const Graph& graph, const std::string& path, const WriteOptions& options = {});

// The same bytes in memory.
Result<std::vector<std::byte>> model_bytes(const Graph& graph, const WriteOptions& options = {});

}  // namespace nibble
