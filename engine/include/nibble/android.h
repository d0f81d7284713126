// Android's hardware buffers as memory of the application's own device, with no copy: a camera's or decoder's picture
// as ExternalImage for bind_image(), a block of bytes as VkBuffer for bind_buffer(). Only in builds for Android, or
// with NIBBLE_ANDROID_HARDWARE_BUFFER.
//
// The device must have been created with VK_ANDROID_external_memory_android_hardware_buffer and
// VK_EXT_queue_family_foreign, and ExternalDevice::enabled_extensions name the former. Before a run the application
// acquires the image or buffer from VK_QUEUE_FAMILY_FOREIGN_EXT by a barrier, and releases it afterwards.
#pragma once

#include "nibble/export.h"
#include "nibble/result.h"
#include "nibble/vulkan.h"
#include "nibble/vulkan_image.h"

struct AHardwareBuffer;

namespace nibble {

// Vulkan objects made of a hardware buffer. They hold a reference to it until release_import().
struct ImportedBuffer {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceSize bytes = 0;
};
struct ImportedImage {
  ExternalImage image;
  VkDeviceMemory memory = VK_NULL_HANDLE;
};

// A hardware buffer of format BLOB with usage GPU_DATA_BUFFER, `bytes` (its width) long. invalid_argument: the
// extension is not named in `device`, or there is nothing to import; unsupported_device: the driver cannot import it.
NBL_API Result<ImportedBuffer> import_buffer(const ExternalDevice& device, AHardwareBuffer* buffer, VkDeviceSize bytes);

// One of format R8G8B8A8_UNORM or R16G16B16A16_FLOAT with usage GPU_SAMPLED_IMAGE, of the given size in pixels. Formats
// that only a Y'CbCr conversion can read (cameras' own) are unsupported_device: let the producer write RGBA.
NBL_API Result<ImportedImage> import_image(const ExternalDevice& device, AHardwareBuffer* buffer, VkExtent2D extent);

// After the last run that uses it has ended, and the session is bound to something else.
NBL_API void release_import(const ExternalDevice& device, const ImportedBuffer& imported);
NBL_API void release_import(const ExternalDevice& device, const ImportedImage& imported);

}  // namespace nibble
