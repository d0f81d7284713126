// Capabilities of a device that is not here: Khronos Vulkan Profiles JSON, which `vulkaninfo -j` writes too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gpu/caps.h"
#include "nibble/result.h"

namespace nibble {

struct CapsFileOptions {
  std::string profile = {};                            // which of the file's profiles; empty for its first
  bool assume_api_1_1 = false;                         // treat a Vulkan 1.0 device as a 1.1 one with the same limits
  std::optional<gpu::DeviceType> type = std::nullopt;  // in place of what the file says: many files say none
};

// What nibble would see on that device. A property that the file lacks counts as Vulkan's required minimum; memory
// types are no part of such files, so host_cached and unified are never set. Of a profile's alternative capability
// blocks none is guaranteed, so none counts. Errors: not JSON or not such a file (corrupt_file), no such profile
// (not_found), Vulkan 1.0 or no compute queue (unsupported_device).
Result<gpu::Caps> parse_caps_json(std::string_view json, const CapsFileOptions& options);

// The same from a file; errors name it.
Result<gpu::Caps> read_caps_file(const std::string& path, const CapsFileOptions& options);

}  // namespace nibble
