// Compiled pipelines kept on disk where the user says, so that the next start compiles nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "gpu/vk_table.h"

namespace nibble::gpu {

// A cache is good for exactly one device and driver.
struct CacheIdentity {
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0;
  std::array<uint8_t, 16> uuid{};
  bool operator==(const CacheIdentity&) const = default;
};

// File: magic "NBLPIPE1"; u32 vendor, device, driver version; 16 bytes UUID; u64 length; u32 CRC-32C of the data; the
// data, as vkGetPipelineCacheData gave it. Little-endian.
std::string pack_cache_file(const CacheIdentity& identity, const std::string& data);

// The data of a file, empty unless everything fits: length, checksum, identity, and Vulkan's own header inside the
// data.
std::string unpack_cache_file(const CacheIdentity& identity, const std::string& file);

// Holds a VkPipelineCache; destroy() before the device goes. Pipelines may be created through it from any thread;
// save() is for one thread at a time.
class PipelineCache {
 public:
  PipelineCache() = default;

  // Starts from the file at `path` if it is there and intact, and empty otherwise: a damaged cache is no error.
  static Result<PipelineCache> create(const DeviceTable& vk, VkDevice device, const CacheIdentity& identity,
                                      const std::string& path);
  void destroy();

  // Writes the file if the content changed since it was read or saved. Nothing to do without a path.
  Status save();

  VkPipelineCache handle() const { return handle_; }

 private:
  const DeviceTable* vk_ = nullptr;
  VkDevice device_ = VK_NULL_HANDLE;
  VkPipelineCache handle_ = VK_NULL_HANDLE;
  CacheIdentity identity_;
  std::string path_;
  uint64_t saved_bytes_ = 0;  // content that the file is known to hold
  uint32_t saved_crc_ = 0;
};

}  // namespace nibble::gpu
