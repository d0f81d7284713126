// The GRPH and META sections as a graph. The sections are of unknown origin: everything is checked.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "graph/graph.h"

namespace nibble {

// Constants become views into `data`, which `owner` keeps alive; `stored_bytes` is what that takes in the file. Not
// checked here: what verify() checks.
Result<Graph> decode_graph(std::span<const std::byte> section, std::span<const std::byte> data, uint64_t stored_bytes,
                           std::shared_ptr<const void> owner);

Result<std::map<std::string, std::string>> decode_metadata(std::span<const std::byte> section);

}  // namespace nibble
