// A Vulkan device made as an application would make it, without nibble's help, for wrapping.
#pragma once

#include <gtest/gtest.h>

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
    EXPECT_EQ(loader_.vkCreateInstance(&instance, nullptr, &handles_.instance), VK_SUCCESS);
    table_ = load_instance_table(get_, handles_.instance).value();
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
    table_.vkDestroyInstance(handles_.instance, nullptr);
  }

  const ExternalHandles& handles() const { return handles_; }
  const DeviceTable& vk() const { return vk_; }

 private:
  PFN_vkGetInstanceProcAddr get_ = nullptr;
  LoaderTable loader_;
  InstanceTable table_;
  DeviceTable vk_;
  ExternalHandles handles_;
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
