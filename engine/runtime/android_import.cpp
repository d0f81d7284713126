#define VK_USE_PLATFORM_ANDROID_KHR 1
#include <vulkan/vulkan.h>

#include <algorithm>
#include <cstring>

#include "core/text.h"
#include "core/try.h"
#include "nibble/android.h"

namespace nibble {
namespace {

constexpr VkExternalMemoryHandleTypeFlagBits kHandleType =
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_ANDROID_HARDWARE_BUFFER_BIT_ANDROID;

// The device's functions, by the application's loader.
struct Functions {
  PFN_vkGetAndroidHardwareBufferPropertiesANDROID get_properties = nullptr;
  PFN_vkCreateBuffer create_buffer = nullptr;
  PFN_vkDestroyBuffer destroy_buffer = nullptr;
  PFN_vkCreateImage create_image = nullptr;
  PFN_vkDestroyImage destroy_image = nullptr;
  PFN_vkCreateImageView create_view = nullptr;
  PFN_vkDestroyImageView destroy_view = nullptr;
  PFN_vkAllocateMemory allocate = nullptr;
  PFN_vkFreeMemory free = nullptr;
  PFN_vkBindBufferMemory bind_buffer = nullptr;
  PFN_vkBindImageMemory bind_image = nullptr;
};

Result<Functions> load(const ExternalDevice& device) {
  if (!device.device || !device.instance || !device.get_instance_proc_addr) {
    return Error{Code::invalid_argument, "the external device lacks instance, device or get_instance_proc_addr"};
  }
  const auto get =
      reinterpret_cast<PFN_vkGetDeviceProcAddr>(device.get_instance_proc_addr(device.instance, "vkGetDeviceProcAddr"));
  Functions out;
  const char* missing = get ? nullptr : "vkGetDeviceProcAddr";
  const auto find = [&](auto& function, const char* name) {
    if (missing) return;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(get(device.device, name));
    if (!function) missing = name;
  };
  find(out.get_properties, "vkGetAndroidHardwareBufferPropertiesANDROID");
  find(out.create_buffer, "vkCreateBuffer");
  find(out.destroy_buffer, "vkDestroyBuffer");
  find(out.create_image, "vkCreateImage");
  find(out.destroy_image, "vkDestroyImage");
  find(out.create_view, "vkCreateImageView");
  find(out.destroy_view, "vkDestroyImageView");
  find(out.allocate, "vkAllocateMemory");
  find(out.free, "vkFreeMemory");
  find(out.bind_buffer, "vkBindBufferMemory");
  find(out.bind_image, "vkBindImageMemory");
  if (missing) return Error{Code::unsupported_device, format("the device has no %s", missing)};
  return out;
}

Status check(const ExternalDevice& device, const AHardwareBuffer* buffer) {
  if (!buffer) return Error{Code::invalid_argument, "the hardware buffer is NULL"};
  const auto& names = device.enabled_extensions;
  const bool enabled = std::any_of(names.begin(), names.end(), [](const char* name) {
    return name && std::strcmp(name, VK_ANDROID_EXTERNAL_MEMORY_ANDROID_HARDWARE_BUFFER_EXTENSION_NAME) == 0;
  });
  if (enabled) return {};
  return Error{Code::invalid_argument,
               "hardware buffers: the device was created without "
               "VK_ANDROID_external_memory_android_hardware_buffer (ExternalDevice::enabled_extensions)"};
}

Error vulkan_error(const char* what, VkResult result) {
  const bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
  return {memory ? Code::out_of_memory : Code::unsupported_device,
          format("hardware buffer: %s failed with VkResult %d", what, static_cast<int>(result))};
}

// Memory that is the hardware buffer's, of the first type that the driver allows: which one says nothing of its speed.
// Images need an allocation of their own (Vulkan specification, VkImportAndroidHardwareBufferInfoANDROID).
Result<VkDeviceMemory> import_memory(const ExternalDevice& device, const Functions& vk, AHardwareBuffer* buffer,
                                     const VkAndroidHardwareBufferPropertiesANDROID& properties, VkImage image) {
  if (properties.memoryTypeBits == 0) {
    return Error{Code::unsupported_device, "hardware buffer: the driver knows no memory type for it"};
  }
  VkMemoryDedicatedAllocateInfo dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO};
  dedicated.image = image;
  VkImportAndroidHardwareBufferInfoANDROID import{VK_STRUCTURE_TYPE_IMPORT_ANDROID_HARDWARE_BUFFER_INFO_ANDROID};
  import.buffer = buffer;
  if (image) import.pNext = &dedicated;
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import};
  info.allocationSize = properties.allocationSize;
  while (!(properties.memoryTypeBits >> info.memoryTypeIndex & 1u)) ++info.memoryTypeIndex;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  const VkResult result = vk.allocate(device.device, &info, nullptr, &memory);
  if (result != VK_SUCCESS) return vulkan_error("vkAllocateMemory", result);
  return memory;
}

VkImageCreateInfo image_info(VkFormat format, VkExtent2D extent, const VkExternalMemoryImageCreateInfo* external) {
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO, external};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = format;
  info.extent = {extent.width, extent.height, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.tiling = VK_IMAGE_TILING_OPTIMAL;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  info.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  return info;
}

Result<VkImageView> make_view(const ExternalDevice& device, const Functions& vk, VkImage image, VkFormat format) {
  VkImageViewCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  info.image = image;
  info.viewType = VK_IMAGE_VIEW_TYPE_2D;
  info.format = format;
  info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  VkImageView view = VK_NULL_HANDLE;
  const VkResult result = vk.create_view(device.device, &info, nullptr, &view);
  if (result != VK_SUCCESS) return vulkan_error("vkCreateImageView", result);
  return view;
}

}  // namespace

Result<ImportedBuffer> import_buffer(const ExternalDevice& device, AHardwareBuffer* buffer, VkDeviceSize bytes) {
  NBL_CHECK(check(device, buffer));
  NBL_TRY(const Functions vk, load(device));
  VkAndroidHardwareBufferPropertiesANDROID properties{VK_STRUCTURE_TYPE_ANDROID_HARDWARE_BUFFER_PROPERTIES_ANDROID};
  VkResult result = vk.get_properties(device.device, buffer, &properties);
  if (result != VK_SUCCESS) return vulkan_error("vkGetAndroidHardwareBufferPropertiesANDROID", result);
  if (bytes == 0 || bytes > properties.allocationSize) {
    return Error{Code::invalid_argument, format("hardware buffer: %llu bytes were asked for, it has %llu",
                                                static_cast<unsigned long long>(bytes),
                                                static_cast<unsigned long long>(properties.allocationSize))};
  }
  VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
  external.handleTypes = kHandleType;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, &external};
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
  ImportedBuffer out;
  out.bytes = bytes;
  result = vk.create_buffer(device.device, &info, nullptr, &out.buffer);
  if (result != VK_SUCCESS) return vulkan_error("vkCreateBuffer", result);
  auto memory = import_memory(device, vk, buffer, properties, VK_NULL_HANDLE);
  if (!memory) {
    vk.destroy_buffer(device.device, out.buffer, nullptr);
    return std::move(memory).error();
  }
  out.memory = *memory;
  result = vk.bind_buffer(device.device, out.buffer, out.memory, 0);
  if (result == VK_SUCCESS) return out;
  release_import(device, out);
  return vulkan_error("vkBindBufferMemory", result);
}

Result<ImportedImage> import_image(const ExternalDevice& device, AHardwareBuffer* buffer, VkExtent2D extent) {
  NBL_CHECK(check(device, buffer));
  NBL_TRY(const Functions vk, load(device));
  VkAndroidHardwareBufferFormatPropertiesANDROID known{
      VK_STRUCTURE_TYPE_ANDROID_HARDWARE_BUFFER_FORMAT_PROPERTIES_ANDROID};
  VkAndroidHardwareBufferPropertiesANDROID properties{VK_STRUCTURE_TYPE_ANDROID_HARDWARE_BUFFER_PROPERTIES_ANDROID,
                                                      &known};
  VkResult result = vk.get_properties(device.device, buffer, &properties);
  if (result != VK_SUCCESS) return vulkan_error("vkGetAndroidHardwareBufferPropertiesANDROID", result);
  if (known.format != VK_FORMAT_R8G8B8A8_UNORM && known.format != VK_FORMAT_R16G16B16A16_SFLOAT) {
    return Error{Code::unsupported_device,
                 format("hardware buffer: its pixels are VkFormat %d (0: known to the driver only), expected "
                        "R8G8B8A8_UNORM or R16G16B16A16_SFLOAT",
                        static_cast<int>(known.format))};
  }
  if (extent.width == 0 || extent.height == 0) {
    return Error{Code::invalid_argument, "hardware buffer: an image without pixels was asked for"};
  }
  VkExternalMemoryImageCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO};
  external.handleTypes = kHandleType;
  const VkImageCreateInfo info = image_info(known.format, extent, &external);
  ImportedImage out;
  out.image.format = known.format;
  out.image.extent = extent;
  out.image.usage = info.usage;
  result = vk.create_image(device.device, &info, nullptr, &out.image.image);
  if (result != VK_SUCCESS) return vulkan_error("vkCreateImage", result);
  auto memory = import_memory(device, vk, buffer, properties, out.image.image);
  if (!memory) {
    release_import(device, out);
    return std::move(memory).error();
  }
  out.memory = *memory;
  result = vk.bind_image(device.device, out.image.image, out.memory, 0);
  if (result != VK_SUCCESS) {
    release_import(device, out);
    return vulkan_error("vkBindImageMemory", result);
  }
  auto view = make_view(device, vk, out.image.image, known.format);
  if (!view) {
    release_import(device, out);
    return std::move(view).error();
  }
  out.image.view = *view;
  return out;
}

void release_import(const ExternalDevice& device, const ImportedBuffer& imported) {
  const auto vk = load(device);
  if (!vk) return;
  if (imported.buffer) vk->destroy_buffer(device.device, imported.buffer, nullptr);
  if (imported.memory) vk->free(device.device, imported.memory, nullptr);
}

void release_import(const ExternalDevice& device, const ImportedImage& imported) {
  const auto vk = load(device);
  if (!vk) return;
  if (imported.image.view) vk->destroy_view(device.device, imported.image.view, nullptr);
  if (imported.image.image) vk->destroy_image(device.device, imported.image.image, nullptr);
  if (imported.memory) vk->free(device.device, imported.memory, nullptr);
}

}  // namespace nibble
