// Import of hardware buffers against a driver that only writes down what it is asked: which structures, in which order,
// and that nothing is left over when a step fails. It runs anywhere; no Android was at hand.
#define VK_USE_PLATFORM_ANDROID_KHR 1
#include <gtest/gtest.h>
#include <vulkan/vulkan.h>

#include <cstring>
#include <map>
#include <string>

#include "nibble/android.h"

namespace nibble {
namespace {

struct Driver {
  std::string fails;  // this function returns an error
  std::string lacks;  // this one does not exist
  VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  uint32_t memory_types = 0b100;
  std::map<std::string, int> calls;
  int alive = 0;  // objects made and not destroyed
  AHardwareBuffer* imported = nullptr;
  VkImage dedicated = VK_NULL_HANDLE;
  uint32_t memory_type = 99;
  bool external_handle = false;
};
Driver* driver = nullptr;

AHardwareBuffer* some_buffer() { return reinterpret_cast<AHardwareBuffer*>(0x1000); }

template <class Handle>
VkResult make(const char* name, Handle* out) {
  ++driver->calls[name];
  if (driver->fails == name) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  ++driver->alive;
  *out = (Handle)(uintptr_t)(0x100 + driver->alive);
  return VK_SUCCESS;
}

const void* find(const void* chain, VkStructureType type) {
  for (auto* s = static_cast<const VkBaseInStructure*>(chain); s; s = s->pNext) {
    if (s->sType == type) return s;
  }
  return nullptr;
}

VkResult VKAPI_CALL get_properties(VkDevice, const AHardwareBuffer*, VkAndroidHardwareBufferPropertiesANDROID* out) {
  if (driver->fails == "properties") return VK_ERROR_INVALID_EXTERNAL_HANDLE_KHR;
  out->allocationSize = 4096;
  out->memoryTypeBits = driver->memory_types;
  for (auto* s = static_cast<VkBaseOutStructure*>(out->pNext); s; s = s->pNext) {
    if (s->sType == VK_STRUCTURE_TYPE_ANDROID_HARDWARE_BUFFER_FORMAT_PROPERTIES_ANDROID) {
      reinterpret_cast<VkAndroidHardwareBufferFormatPropertiesANDROID*>(s)->format = driver->format;
    }
  }
  return VK_SUCCESS;
}
VkResult VKAPI_CALL create_buffer(VkDevice, const VkBufferCreateInfo* info, const VkAllocationCallbacks*,
                                  VkBuffer* out) {
  const auto* external = static_cast<const VkExternalMemoryBufferCreateInfo*>(
      find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO));
  driver->external_handle =
      external && external->handleTypes == VK_EXTERNAL_MEMORY_HANDLE_TYPE_ANDROID_HARDWARE_BUFFER_BIT_ANDROID;
  return make("buffer", out);
}
VkResult VKAPI_CALL create_image(VkDevice, const VkImageCreateInfo* info, const VkAllocationCallbacks*, VkImage* out) {
  const auto* external = static_cast<const VkExternalMemoryImageCreateInfo*>(
      find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO));
  driver->external_handle =
      external && external->handleTypes == VK_EXTERNAL_MEMORY_HANDLE_TYPE_ANDROID_HARDWARE_BUFFER_BIT_ANDROID;
  return make("image", out);
}
VkResult VKAPI_CALL create_view(VkDevice, const VkImageViewCreateInfo*, const VkAllocationCallbacks*,
                                VkImageView* out) {
  return make("view", out);
}
VkResult VKAPI_CALL allocate(VkDevice, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks*,
                             VkDeviceMemory* out) {
  const auto* import = static_cast<const VkImportAndroidHardwareBufferInfoANDROID*>(
      find(info->pNext, VK_STRUCTURE_TYPE_IMPORT_ANDROID_HARDWARE_BUFFER_INFO_ANDROID));
  const auto* dedicated = static_cast<const VkMemoryDedicatedAllocateInfo*>(
      find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO));
  driver->imported = import ? import->buffer : nullptr;
  driver->dedicated = dedicated ? dedicated->image : VK_NULL_HANDLE;
  driver->memory_type = info->memoryTypeIndex;
  return make("memory", out);
}
VkResult VKAPI_CALL bind_buffer_memory(VkDevice, VkBuffer, VkDeviceMemory, VkDeviceSize) {
  return driver->fails == "bind" ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
}
VkResult VKAPI_CALL bind_image_memory(VkDevice, VkImage, VkDeviceMemory, VkDeviceSize) {
  return driver->fails == "bind" ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
}
template <class Handle>
void VKAPI_CALL destroy(VkDevice, Handle handle, const VkAllocationCallbacks*) {
  if (handle) --driver->alive;
}

PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice, const char* name) {
  if (driver->lacks == name) return nullptr;
  const std::map<std::string, PFN_vkVoidFunction> all = {
      {"vkGetAndroidHardwareBufferPropertiesANDROID", reinterpret_cast<PFN_vkVoidFunction>(get_properties)},
      {"vkCreateBuffer", reinterpret_cast<PFN_vkVoidFunction>(create_buffer)},
      {"vkDestroyBuffer", reinterpret_cast<PFN_vkVoidFunction>(destroy<VkBuffer>)},
      {"vkCreateImage", reinterpret_cast<PFN_vkVoidFunction>(create_image)},
      {"vkDestroyImage", reinterpret_cast<PFN_vkVoidFunction>(destroy<VkImage>)},
      {"vkCreateImageView", reinterpret_cast<PFN_vkVoidFunction>(create_view)},
      {"vkDestroyImageView", reinterpret_cast<PFN_vkVoidFunction>(destroy<VkImageView>)},
      {"vkAllocateMemory", reinterpret_cast<PFN_vkVoidFunction>(allocate)},
      {"vkFreeMemory", reinterpret_cast<PFN_vkVoidFunction>(destroy<VkDeviceMemory>)},
      {"vkBindBufferMemory", reinterpret_cast<PFN_vkVoidFunction>(bind_buffer_memory)},
      {"vkBindImageMemory", reinterpret_cast<PFN_vkVoidFunction>(bind_image_memory)}};
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}
PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance, const char* name) {
  return std::strcmp(name, "vkGetDeviceProcAddr") == 0 ? reinterpret_cast<PFN_vkVoidFunction>(device_function)
                                                       : nullptr;
}

class AndroidImport : public testing::Test {
 protected:
  AndroidImport() {
    driver = &driver_;
    device_.instance = reinterpret_cast<VkInstance>(1);
    device_.device = reinterpret_cast<VkDevice>(2);
    device_.get_instance_proc_addr = instance_function;
    device_.enabled_extensions = extensions_;
  }
  const char* extensions_[1] = {VK_ANDROID_EXTERNAL_MEMORY_ANDROID_HARDWARE_BUFFER_EXTENSION_NAME};
  ExternalDevice device_;
  Driver driver_;
};

TEST_F(AndroidImport, makes_a_buffer_of_the_memory) {
  const auto made = import_buffer(device_, some_buffer(), 1000);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->bytes, 1000u);
  EXPECT_EQ(driver_.imported, some_buffer());
  EXPECT_EQ(driver_.memory_type, 2u);
  EXPECT_EQ(driver_.dedicated, VkImage{});
  EXPECT_TRUE(driver_.external_handle);
  release_import(device_, *made);
  EXPECT_EQ(driver_.alive, 0);
}

TEST_F(AndroidImport, makes_an_image_with_an_allocation_of_its_own) {
  const auto made = import_image(device_, some_buffer(), {640, 480});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->image.format, VK_FORMAT_R8G8B8A8_UNORM);
  EXPECT_EQ(made->image.extent.width, 640u);
  EXPECT_EQ(driver_.dedicated, made->image.image);
  EXPECT_TRUE(driver_.external_handle);
  EXPECT_NE(made->image.view, VkImageView{});
  release_import(device_, *made);
  EXPECT_EQ(driver_.alive, 0);
}

TEST_F(AndroidImport, leaves_nothing_behind_when_a_step_fails) {
  for (const char* step : {"properties", "buffer", "image", "view", "memory", "bind"}) {
    driver_.fails = step;
    const bool buffer = import_buffer(device_, some_buffer(), 16).has_value();
    EXPECT_EQ(buffer, driver_.fails == "image" || driver_.fails == "view") << step;
    if (buffer) driver_.alive -= 2;
    EXPECT_EQ(driver_.alive, 0) << step;
    EXPECT_EQ(import_image(device_, some_buffer(), {8, 8}).has_value(), driver_.fails == "buffer") << step;
    if (driver_.fails == "buffer") driver_.alive -= 3;
    EXPECT_EQ(driver_.alive, 0) << step;
  }
}

TEST_F(AndroidImport, says_which_rule_was_broken) {
  EXPECT_EQ(import_buffer(device_, nullptr, 16).error().code, Code::invalid_argument);
  EXPECT_EQ(import_buffer(device_, some_buffer(), 0).error().code, Code::invalid_argument);
  EXPECT_EQ(import_buffer(device_, some_buffer(), 5000).error().code, Code::invalid_argument);
  EXPECT_EQ(import_image(device_, some_buffer(), {0, 8}).error().code, Code::invalid_argument);
  driver_.format = VK_FORMAT_UNDEFINED;  // a camera's own
  EXPECT_EQ(import_image(device_, some_buffer(), {8, 8}).error().code, Code::unsupported_device);
  driver_.memory_types = 0;
  EXPECT_EQ(import_buffer(device_, some_buffer(), 16).error().code, Code::unsupported_device);
  driver_.lacks = "vkGetAndroidHardwareBufferPropertiesANDROID";
  EXPECT_NE(import_buffer(device_, some_buffer(), 16).error().message.find(driver_.lacks), std::string::npos);
  device_.enabled_extensions = {};
  EXPECT_NE(import_buffer(device_, some_buffer(), 16).error().message.find("enabled_extensions"), std::string::npos);
  EXPECT_EQ(driver_.alive, 0);
}

}  // namespace
}  // namespace nibble
