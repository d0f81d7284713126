#include "app/vulkan_device.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/text.h"
#include "core/try.h"

namespace nibble::app {
namespace {

const char* result_name(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "out of device memory";
    case VK_ERROR_DEVICE_LOST: return "the device was lost";
    case VK_ERROR_SURFACE_LOST_KHR: return "the window's surface was lost";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "no Vulkan driver";
    case VK_ERROR_LAYER_NOT_PRESENT: return "a layer is not installed";
    case VK_ERROR_EXTENSION_NOT_PRESENT: return "an extension is not supported";
    default: return nullptr;
  }
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* count) {
  ++*static_cast<size_t*>(count);
  std::fprintf(stderr, "validation: %s\n", data->pMessage);
  return VK_FALSE;
}

template <class F>
F instance_function(VkInstance instance, const char* name) {
  return reinterpret_cast<F>(vkGetInstanceProcAddr(instance, name));
}

bool has_extension(VkPhysicalDevice physical, const char* name) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> found(count);
  vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, found.data());
  return std::any_of(found.begin(), found.end(), [&](const auto& e) { return !std::strcmp(e.extensionName, name); });
}

// The first family that draws, computes and presents to the surface (when there is one), or UINT32_MAX.
uint32_t usable_family(VkPhysicalDevice physical, VkSurfaceKHR surface) {
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(physical, &properties);
  if (properties.apiVersion < VK_API_VERSION_1_1) return UINT32_MAX;
  if (surface && !has_extension(physical, VK_KHR_SWAPCHAIN_EXTENSION_NAME)) return UINT32_MAX;
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  constexpr VkQueueFlags kNeeded = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  for (uint32_t i = 0; i < count; ++i) {
    if ((families[i].queueFlags & kNeeded) != kNeeded) continue;
    VkBool32 presents = VK_TRUE;
    if (surface && vkGetPhysicalDeviceSurfaceSupportKHR(physical, i, surface, &presents) != VK_SUCCESS) continue;
    if (presents) return i;
  }
  return UINT32_MAX;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_chosen(const std::string& select, size_t index, const std::string& name) {
  if (select.empty()) return true;
  if (select.find_first_not_of("0123456789") == std::string::npos) return select == std::to_string(index);
  return lower(name).find(lower(select)) != std::string::npos;
}

}  // namespace

Status check(VkResult result, const char* what) {
  if (result >= VK_SUCCESS) return {};
  const char* name = result_name(result);
  const std::string text = name ? std::string(name) : format("Vulkan error %d", static_cast<int>(result));
  return Error{result == VK_ERROR_DEVICE_LOST ? Code::device_lost
               : result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY
                   ? Code::out_of_memory
                   : Code::unsupported_device,
               std::string(what) + ": " + text};
}

Result<std::unique_ptr<VulkanDevice>> VulkanDevice::create(const VulkanOptions& options) {
  std::unique_ptr<VulkanDevice> out(new VulkanDevice);
  NBL_CHECK(out->open_instance(options));
  if (options.make_surface) {
    NBL_TRY(out->surface_, options.make_surface(out->instance_));
  }
  NBL_CHECK(out->choose_device(options));
  NBL_CHECK(out->open_device());
  return out;
}

Status VulkanDevice::open_instance(const VulkanOptions& options) {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_3;
  std::vector<const char*> extensions = options.instance_extensions, layers;
  if (options.validation) {
    layers.push_back("VK_LAYER_KHRONOS_validation");
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  }
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  info.enabledLayerCount = static_cast<uint32_t>(layers.size());
  info.ppEnabledLayerNames = layers.data();
  NBL_CHECK(check(vkCreateInstance(&info, nullptr, &instance_), "vkCreateInstance"));
  if (!options.validation) return {};
  VkDebugUtilsMessengerCreateInfoEXT messenger{};
  messenger.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messenger.pfnUserCallback = on_message;
  messenger.pUserData = messages_.get();
  const auto make = instance_function<PFN_vkCreateDebugUtilsMessengerEXT>(instance_, "vkCreateDebugUtilsMessengerEXT");
  return check(make(instance_, &messenger, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
}

Status VulkanDevice::choose_device(const VulkanOptions& options) {
  uint32_t count = 0;
  NBL_CHECK(check(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices"));
  std::vector<VkPhysicalDevice> devices(count);
  NBL_CHECK(check(vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "vkEnumeratePhysicalDevices"));
  std::string names, chosen_name;
  int best = -1;
  for (size_t i = 0; i < devices.size(); ++i) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(devices[i], &properties);
    names += (names.empty() ? "" : ", ") + std::string(properties.deviceName);
    const bool chosen = is_chosen(options.select, i, properties.deviceName);
    if (chosen && chosen_name.empty()) chosen_name = properties.deviceName;
    const uint32_t family = usable_family(devices[i], surface_);
    if (family == UINT32_MAX) continue;
    const int rank = (chosen ? 2 : 0) + (properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU ? 1 : 0);
    if (rank <= best) continue;
    best = rank;
    physical_ = devices[i];
    family_ = family;
    name_ = properties.deviceName;
  }
  if (chosen_name.empty()) {
    return Error{Code::not_found,
                 format("no Vulkan device '%s'; there are: %s", options.select.c_str(), names.c_str())};
  }
  if (best < 0) {
    return Error{Code::unsupported_device,
                 format("no Vulkan device draws, computes and %s; there are: %s (try --headless)",
                        surface_ ? "presents to this window" : "is of Vulkan 1.1", names.c_str())};
  }
  if (best < 2) {
    notice_ = format("%s cannot present to this window: %s draws it", chosen_name.c_str(), name_.c_str());
  }
  return {};
}

Status VulkanDevice::open_device() {
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(physical_, &properties);
  // All the device has but what costs speed: networks use what of it they can.
  features11_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  features12_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features13_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  if (properties.apiVersion >= VK_API_VERSION_1_2) {
    features_.pNext = &features11_;
    features11_.pNext = &features12_;
    if (properties.apiVersion >= VK_API_VERSION_1_3) features12_.pNext = &features13_;
  }
  vkGetPhysicalDeviceFeatures2(physical_, &features_);
  features_.features.robustBufferAccess = VK_FALSE;
  features12_.bufferDeviceAddressCaptureReplay = VK_FALSE;
  features13_.robustImageAccess = VK_FALSE;
  if (surface_) extensions_.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &features_;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions_.size());
  info.ppEnabledExtensionNames = extensions_.data();
  NBL_CHECK(check(vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice"));
  vkGetDeviceQueue(device_, family_, 0, &queue_);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = family_;
  return check(vkCreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
}

VulkanDevice::~VulkanDevice() {
  wrapped_.reset();
  if (device_) {
    vkDeviceWaitIdle(device_);
    vkDestroyCommandPool(device_, pool_, nullptr);
    vkDestroyDevice(device_, nullptr);
  }
  if (surface_) vkDestroySurfaceKHR(instance_, surface_, nullptr);
  if (messenger_) {
    instance_function<PFN_vkDestroyDebugUtilsMessengerEXT>(instance_, "vkDestroyDebugUtilsMessengerEXT")(
        instance_, messenger_, nullptr);
  }
  if (instance_) vkDestroyInstance(instance_, nullptr);
}

VkResult VulkanDevice::wait_idle() const {
  const std::lock_guard lock(queue_mutex_);
  return vkDeviceWaitIdle(device_);
}

Result<Device> VulkanDevice::wrap() {
  if (wrapped_) return *wrapped_;
  ExternalDevice external;
  external.instance = instance_;
  external.physical_device = physical_;
  external.device = device_;
  external.queue = queue_;
  external.queue_family = family_;
  external.get_instance_proc_addr = vkGetInstanceProcAddr;
  external.instance_version = VK_API_VERSION_1_3;
  external.enabled_extensions = extensions_;
  external.enabled_features = &features_;
  external.lock_queue = [this] { queue_mutex_.lock(); };
  external.unlock_queue = [this] { queue_mutex_.unlock(); };
  NBL_TRY(Device device, Device::wrap(external));
  wrapped_ = std::make_unique<Device>(std::move(device));
  return *wrapped_;
}

uint32_t VulkanDevice::memory_type(uint32_t allowed, VkMemoryPropertyFlags properties) const {
  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory);
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    if ((allowed >> i & 1) && (memory.memoryTypes[i].propertyFlags & properties) == properties) return i;
  }
  return UINT32_MAX;
}

Status VulkanDevice::run_now(const std::function<void(VkCommandBuffer)>& record) {
  VkFenceCreateInfo fence_info{};
  fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  VkFence fence = VK_NULL_HANDLE;
  NBL_CHECK(check(vkCreateFence(device_, &fence_info, nullptr, &fence), "vkCreateFence"));
  VkCommandBuffer commands = VK_NULL_HANDLE;
  Status done = submit_now(record, fence, commands);
  // Others use the queue meanwhile.
  if (done) done = check(vkWaitForFences(device_, 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  vkDestroyFence(device_, fence, nullptr);
  const std::lock_guard lock(queue_mutex_);
  if (commands) vkFreeCommandBuffers(device_, pool_, 1, &commands);
  return done;
}

Status VulkanDevice::submit_now(const std::function<void(VkCommandBuffer)>& record, VkFence fence,
                                VkCommandBuffer& commands) {
  const std::lock_guard lock(queue_mutex_);
  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = pool_;
  allocate.commandBufferCount = 1;
  NBL_CHECK(check(vkAllocateCommandBuffers(device_, &allocate, &commands), "vkAllocateCommandBuffers"));
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  vkBeginCommandBuffer(commands, &begin);
  record(commands);
  vkEndCommandBuffer(commands);
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  return check(vkQueueSubmit(queue_, 1, &submit, fence), "vkQueueSubmit");
}

}  // namespace nibble::app
