// Compiled pipelines and tuning kept on disk where the user says, so that the next start compiles and measures nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/cache_file.h"
#include "gpu/vk_table.h"

namespace nibble::gpu {

// The pipelines in a file's records for this device; empty unless Vulkan's own header inside the data fits too.
std::string stored_pipelines(const CacheIdentity& identity, const std::vector<CacheRecord>& records);

// What a file holds of tuning for a device, and why it is not used where it is not.
using MergeTuning = std::function<std::string(std::string_view stored, std::string ours)>;  // see gpu/device.h
struct StoredTuning {
  std::string text;
  std::string ignored;
};
StoredTuning stored_tuning(const CacheIdentity& identity, uint64_t kernels, const std::string& path,
                           const std::vector<CacheRecord>& records);

// Holds a VkPipelineCache; destroy() before the device goes. Pipelines may be created through it from any thread;
// everything else is for one thread at a time.
class PipelineCache {
 public:
  PipelineCache() = default;

  // Starts from the file at `path` if it is there and intact, and empty otherwise: a damaged cache is no error.
  static Result<PipelineCache> create(const DeviceTable& vk, VkDevice device, const CacheIdentity& identity,
                                      const std::string& path, std::string_view blob = {}, uint64_t kernels = 0);
  void destroy();

  // What an application may keep in place of a file, and give to create() as `blob`: pipelines and tuning for this
  // device, its driver and kernels with this hash alone.
  Result<std::string> blob(uint64_t kernels) const;
  // Why the blob was not used; empty where it was, and where there was none.
  const std::string& blob_ignored() const { return blob_ignored_; }

  // Tuning as the file had it when it was read. `kernels` is the hash of the kernels that it must have been made for.
  StoredTuning tuning(uint64_t kernels) const;
  // For the next save(). Where another program has stored tuning for the same device and kernels since, `merge` is
  // given it and says what to keep; without `merge` this text replaces it.
  void set_tuning(uint64_t kernels, std::string text, MergeTuning merge = {});

  // Writes the file if the content changed since it was read or saved; what it holds of other devices, and what other
  // programs wrote since, stays. Nothing to do without a path.
  Status save();

  VkPipelineCache handle() const { return handle_; }
  const std::string& path() const { return path_; }
  uint64_t loaded_bytes() const { return loaded_bytes_; }  // of pipelines, from the file

 private:
  Result<std::string> pipelines() const;
  Result<std::string> pipelines_to_save() const;
  // The blob's pipelines; its tuning goes to the others.
  std::string take_blob(std::string_view blob, uint64_t kernels);

  const DeviceTable* vk_ = nullptr;
  VkDevice device_ = VK_NULL_HANDLE;
  VkPipelineCache handle_ = VK_NULL_HANDLE;
  CacheIdentity identity_;
  std::string path_;
  std::string ignored_;  // why the file is not used at all
  std::string blob_ignored_;
  std::vector<CacheRecord> tunings_;  // of the file
  std::optional<CacheRecord> new_tuning_;
  MergeTuning merge_;
  uint64_t loaded_bytes_ = 0;
  uint64_t saved_bytes_ = 0;  // pipelines that the file is known to hold
  uint32_t saved_crc_ = 0;
  uint64_t given_bytes_ = 0;  // to the driver, from the file or the application
  uint32_t given_crc_ = 0;
};

}  // namespace nibble::gpu
