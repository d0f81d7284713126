// A VkInstance of nibble's own, with the validation layer when asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/vk_table.h"

namespace nibble::gpu {

// Validation messages of severity warning or error. Written from any thread that calls Vulkan.
struct ValidationLog {
  std::atomic<uint64_t> count{0};
  std::string file;  // each message is appended here as one line too, unless empty; set before the instance exists
};

// Owns the instance and its messenger. Move-only; any thread may read it.
class Instance {
 public:
  // not_found where there is no loader, unsupported_device where there is no driver or only a 1.0 loader; both say what
  // to install. With `validation` and without the layer installed it works unvalidated (see validation_enabled).
  static Result<Instance> create(bool validation);

  Instance(Instance&& other) noexcept;
  Instance& operator=(Instance&&) = delete;
  ~Instance();

  VkInstance handle() const { return handle_; }
  const LoaderTable& loader() const { return loader_; }
  const InstanceTable& table() const { return table_; }
  uint32_t api_version() const { return api_version_; }
  bool validation_enabled() const { return messenger_ != VK_NULL_HANDLE; }
  bool debug_names() const { return debug_names_; }
  const ValidationLog& log() const { return *log_; }

  Result<std::vector<VkPhysicalDevice>> physical_devices() const;

 private:
  Instance() = default;

  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  LoaderTable loader_;
  InstanceTable table_;
  uint32_t api_version_ = 0;
  bool debug_names_ = false;
  std::unique_ptr<ValidationLog> log_;  // at a fixed address: the messenger points to it
};

}  // namespace nibble::gpu
