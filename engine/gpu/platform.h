// The few things that differ between operating systems: finding the Vulkan loader, the environment, small files,
// locks.
#pragma once

#include <vulkan/vulkan_core.h>

#include <chrono>
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

// Keeps other programs that do the same out of the folder of a file, from reading the file to replacing it. Advisory:
// where there is none to be had (Windows, some network drives, another program that keeps it for longer than
// `patience`), taken() is false and the work goes on without.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path_of_file, std::chrono::milliseconds patience = std::chrono::seconds(2));
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();
  bool taken() const { return handle_ >= 0; }

 private:
  int handle_ = -1;
};

}  // namespace nibble::gpu
