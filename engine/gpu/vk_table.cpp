#include "gpu/vk_table.h"

#include "core/text.h"

namespace nibble::gpu {
namespace {

Error missing(const char* name) {
  return {Code::unsupported_device, format("the Vulkan implementation lacks %s; Vulkan 1.1 is needed", name)};
}

}  // namespace

#define NBL_VK_LOAD_REQUIRED(name)                                      \
  table.name = reinterpret_cast<PFN_##name>(get(NBL_VK_HANDLE, #name)); \
  if (!table.name) return missing(#name);
#define NBL_VK_LOAD_OPTIONAL(name) table.name = reinterpret_cast<PFN_##name>(get(NBL_VK_HANDLE, #name));

Result<LoaderTable> load_loader_table(PFN_vkGetInstanceProcAddr get) {
  LoaderTable table;
  table.vkGetInstanceProcAddr = get;
#define NBL_VK_HANDLE static_cast<VkInstance>(VK_NULL_HANDLE)
  NBL_VK_LOADER_FUNCTIONS(NBL_VK_LOAD_REQUIRED)
  NBL_VK_LOAD_OPTIONAL(vkEnumerateInstanceVersion)
#undef NBL_VK_HANDLE
  return table;
}

Result<InstanceTable> load_instance_table(PFN_vkGetInstanceProcAddr get, VkInstance instance) {
  InstanceTable table;
#define NBL_VK_HANDLE instance
  NBL_VK_INSTANCE_FUNCTIONS(NBL_VK_LOAD_REQUIRED)
  NBL_VK_DEBUG_FUNCTIONS(NBL_VK_LOAD_OPTIONAL)
#undef NBL_VK_HANDLE
  return table;
}

Result<DeviceTable> load_device_table(const InstanceTable& instance_table, VkDevice device) {
  DeviceTable table;
  const auto get = instance_table.vkGetDeviceProcAddr;
#define NBL_VK_HANDLE device
  NBL_VK_DEVICE_FUNCTIONS(NBL_VK_LOAD_REQUIRED)
#undef NBL_VK_HANDLE
  return table;
}

}  // namespace nibble::gpu
