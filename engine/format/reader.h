// .nbl files to graphs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/mapped_file.h"
#include "format/coded_data.h"
#include "graph/graph.h"

namespace nibble {

struct ReadOptions {
  bool check_data =
      true;  // false: the checksum of the constants is not computed, so their pages stay on disk until used
};

// A graph and where its constants lie, for who wants to let go of their memory while they are not read. Both null for
// graphs from memory.
struct LoadedModel {
  Graph graph;
  std::shared_ptr<const MappedFile> file;
  std::shared_ptr<const ExpandedData> expanded;  // of files with section ZDAT only
};
Result<LoadedModel> load_model(const std::string& path, ReadOptions options = {});

// Maps the file; constants are views into it that keep the map alive. Anything wrong with the file is an error that
// begins with its path: corrupt_file, or unsupported_version when it needs a newer nibble.
Result<Graph> read_model(const std::string& path, ReadOptions options = {});

// The same from memory that `owner` keeps alive (null: the caller does). Copied once where it does not begin at a
// multiple of 16 bytes.
Result<Graph> read_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, ReadOptions options = {});

}  // namespace nibble
