// The few things that differ between operating systems: finding the Vulkan loader, the environment, small files.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <string>

#include "nibble/result.h"

namespace nibble::gpu {

// Opens the system's Vulkan loader and returns its one entry point. The library stays loaded until the process ends,
// because drivers leave threads and thread-local destructors behind. `library` replaces the usual name, for tests.
// not_found says what to install.
Result<PFN_vkGetInstanceProcAddr> open_vulkan_loader(const char* library = nullptr);

// The value of an environment variable, empty when unset.
std::string environment(const char* name);

// A whole file; refuses directories and files above `largest_bytes`.
Result<std::string> read_file(const std::string& path, uint64_t largest_bytes);

}  // namespace nibble::gpu
