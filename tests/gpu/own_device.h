// A Vulkan device made as an application would make it, without nibble's help, for wrapping.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "gpu/device.h"
#include "gpu/platform.h"
#include "gpu/vk_table.h"

namespace nibble::gpu {

class OwnDevice {
 public:
  // `features` is the pNext chain for vkCreateDevice.
  explicit OwnDevice(const void* features = nullptr) {
    get_ = open_vulkan_loader().value();
    loader_ = load_loader_table(get_).value();
    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.apiVersion = VK_API_VERSION_1_2;
    VkInstanceCreateInfo instance{};
    instance.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    instance.pApplicationInfo = &application;
    // The application's own validation, whose messages fail the test as those of nibble's devices do.
    const char* const layer = "VK_LAYER_KHRONOS_validation";
    const char* const debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    const bool validated = environment("NIBBLE_VALIDATION") == "1" && has_layer(layer);
    if (validated) {
      instance.enabledLayerCount = instance.enabledExtensionCount = 1;
      instance.ppEnabledLayerNames = &layer;
      instance.ppEnabledExtensionNames = &debug_utils;
    }
    EXPECT_EQ(loader_.vkCreateInstance(&instance, nullptr, &handles_.instance), VK_SUCCESS);
    table_ = load_instance_table(get_, handles_.instance).value();
    if (validated) listen();
    uint32_t count = 1;
    table_.vkEnumeratePhysicalDevices(handles_.instance, &count, &handles_.physical_device);
    const float priority = 1;
    VkDeviceQueueCreateInfo queue{};
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    info.pNext = features;
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
    EXPECT_EQ(table_.vkCreateDevice(handles_.physical_device, &info, nullptr, &handles_.device), VK_SUCCESS);
    vk_ = load_device_table(table_, handles_.device).value();
    vk_.vkGetDeviceQueue(handles_.device, 0, 0, &handles_.queue);
    handles_.get_instance_proc_addr = get_;
    handles_.api_version = application.apiVersion;
    handles_.enabled_features = features;
  }
  OwnDevice(const OwnDevice&) = delete;
  OwnDevice& operator=(const OwnDevice&) = delete;
  ~OwnDevice() {
    vk_.vkDestroyDevice(handles_.device, nullptr);
    if (messenger_) table_.vkDestroyDebugUtilsMessengerEXT(handles_.instance, messenger_, nullptr);
    table_.vkDestroyInstance(handles_.instance, nullptr);
  }

  const ExternalHandles& handles() const { return handles_; }
  const DeviceTable& vk() const { return vk_; }
  // Functions of the device or the instance that nibble has no use for.
  template <class Function>
  Function load(const char* name) const {
    auto found = table_.vkGetDeviceProcAddr(handles_.device, name);
    if (!found) found = get_(handles_.instance, name);
    EXPECT_TRUE(found) << name;
    return reinterpret_cast<Function>(found);
  }

 private:
  bool has_layer(const std::string& wanted) const {
    uint32_t count = 0;
    loader_.vkEnumerateInstanceLayerProperties(&count, nullptr);
    std::vector<VkLayerProperties> layers(count);
    loader_.vkEnumerateInstanceLayerProperties(&count, layers.data());
    for (const VkLayerProperties& layer : layers) {
      if (wanted == layer.layerName) return true;
    }
    return false;
  }

  static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                   VkDebugUtilsMessageTypeFlagsEXT,
                                                   const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
    const std::string path = environment("NIBBLE_VALIDATION_LOG");
    std::FILE* const file = path.empty() ? nullptr : std::fopen(path.c_str(), "a");
    std::fprintf(file ? file : stderr, "in the application: %s\n", data->pMessage);
    if (file) std::fclose(file);
    return VK_FALSE;
  }

  void listen() {
    VkDebugUtilsMessengerCreateInfoEXT info{};
    info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
    info.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    info.pfnUserCallback = on_message;
    EXPECT_EQ(table_.vkCreateDebugUtilsMessengerEXT(handles_.instance, &info, nullptr, &messenger_), VK_SUCCESS);
  }

  PFN_vkGetInstanceProcAddr get_ = nullptr;
  LoaderTable loader_;
  InstanceTable table_;
  DeviceTable vk_;
  ExternalHandles handles_;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

// The same for wrapping by the public API, in C++ or in C: both structures name these alike.
template <class External>
External external_of(const ExternalHandles& handles, External external) {
  external.instance = handles.instance;
  external.physical_device = handles.physical_device;
  external.device = handles.device;
  external.queue = handles.queue;
  external.queue_family = handles.queue_family;
  external.get_instance_proc_addr = handles.get_instance_proc_addr;
  external.instance_version = handles.api_version;
  return external;
}

}  // namespace nibble::gpu
