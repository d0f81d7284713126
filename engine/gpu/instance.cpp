#include "gpu/instance.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/text.h"
#include "core/try.h"
#include "gpu/platform.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";
constexpr const char* kDebugUtils = "VK_EXT_debug_utils";
constexpr const char* kPortability = "VK_KHR_portability_enumeration";
constexpr const char* kNoDriver =
    "no Vulkan driver found; install your GPU's driver, or a software one (Debian: mesa-vulkan-drivers)";

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  auto& log = *static_cast<ValidationLog*>(user);
  ++log.count;
  const char* what = severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? "error" : "warning";
  const char* message = data && data->pMessage ? data->pMessage : "";
  std::fprintf(stderr, "nibble: Vulkan validation %s: %s\n", what, message);
  if (log.file.empty()) return VK_FALSE;
  if (std::FILE* file = std::fopen(log.file.c_str(), "a")) {
    std::fprintf(file, "%s: %s\n", what, message);
    std::fclose(file);
  }
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(ValidationLog* log) {
  VkDebugUtilsMessengerCreateInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  // Not the general type: loaders and drivers use it to report on other devices of the machine.
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = log;
  return info;
}

Result<bool> layer_present(const LoaderTable& loader) {
  uint32_t count = 0;
  NBL_VK(loader.vkEnumerateInstanceLayerProperties(&count, nullptr), "listing Vulkan layers");
  std::vector<VkLayerProperties> layers(count);
  NBL_VK(loader.vkEnumerateInstanceLayerProperties(&count, layers.data()), "listing Vulkan layers");
  return std::any_of(layers.begin(), layers.end(),
                     [](const auto& layer) { return std::strcmp(layer.layerName, kValidationLayer) == 0; });
}

Status add_extensions(const LoaderTable& loader, const char* layer, std::vector<std::string>& names) {
  uint32_t count = 0;
  NBL_VK(loader.vkEnumerateInstanceExtensionProperties(layer, &count, nullptr), "listing instance extensions");
  std::vector<VkExtensionProperties> rows(count);
  NBL_VK(loader.vkEnumerateInstanceExtensionProperties(layer, &count, rows.data()), "listing instance extensions");
  for (const auto& row : rows) names.emplace_back(row.extensionName);
  return {};
}

Result<uint32_t> usable_version(const LoaderTable& loader) {
  uint32_t version = VK_API_VERSION_1_0;
  if (loader.vkEnumerateInstanceVersion)
    NBL_VK(loader.vkEnumerateInstanceVersion(&version), "asking the loader's version");
  if (version < VK_API_VERSION_1_1) {
    return Error{Code::unsupported_device, "the Vulkan loader is of version 1.0, 1.1 is needed; install a newer one"};
  }
  return std::min<uint32_t>(version, VK_API_VERSION_1_3);
}

}  // namespace

Result<Instance> Instance::create(bool validation) {
  Instance instance;
  NBL_TRY(const PFN_vkGetInstanceProcAddr get, open_vulkan_loader());
  NBL_TRY(instance.loader_, load_loader_table(get));
  NBL_TRY(instance.api_version_, usable_version(instance.loader_));
  if (validation) {
    NBL_TRY(validation, layer_present(instance.loader_));
  }

  std::vector<std::string> available;
  NBL_CHECK(add_extensions(instance.loader_, nullptr, available));
  if (validation) NBL_CHECK(add_extensions(instance.loader_, kValidationLayer, available));
  const auto has = [&](const char* name) {
    return std::find(available.begin(), available.end(), name) != available.end();
  };
  instance.debug_names_ = has(kDebugUtils);

  std::vector<const char*> extensions;
  if (instance.debug_names_) extensions.push_back(kDebugUtils);
  if (has(kPortability)) extensions.push_back(kPortability);

  instance.log_ = std::make_unique<ValidationLog>();
  instance.log_->file = environment("NIBBLE_VALIDATION_LOG");
  const bool messages = validation && instance.debug_names_;
  const auto messenger = messenger_info(instance.log_.get());

  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = application.pEngineName = "nibble";
  application.apiVersion = instance.api_version_;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pNext = messages ? &messenger : nullptr;
  info.flags = has(kPortability) ? VkInstanceCreateFlags{VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR} : 0;
  info.pApplicationInfo = &application;
  info.enabledLayerCount = validation ? 1 : 0;
  info.ppEnabledLayerNames = &kValidationLayer;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  const VkResult made = instance.loader_.vkCreateInstance(&info, nullptr, &instance.handle_);
  if (made == VK_ERROR_INCOMPATIBLE_DRIVER) return Error{Code::unsupported_device, kNoDriver};
  NBL_VK(made, "creating a Vulkan instance");

  NBL_TRY(instance.table_, load_instance_table(get, instance.handle_));
  if (messages) {
    NBL_VK(instance.table_.vkCreateDebugUtilsMessengerEXT(instance.handle_, &messenger, nullptr, &instance.messenger_),
           "creating the validation messenger");
  }
  return instance;
}

Instance::Instance(Instance&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      messenger_(std::exchange(other.messenger_, nullptr)),
      loader_(other.loader_),
      table_(other.table_),
      api_version_(other.api_version_),
      debug_names_(other.debug_names_),
      log_(std::move(other.log_)) {}

Instance::~Instance() {
  if (messenger_) table_.vkDestroyDebugUtilsMessengerEXT(handle_, messenger_, nullptr);
  if (handle_ && table_.vkDestroyInstance) table_.vkDestroyInstance(handle_, nullptr);
}

Result<std::vector<VkPhysicalDevice>> Instance::physical_devices() const {
  uint32_t count = 0;
  const VkResult first = table_.vkEnumeratePhysicalDevices(handle_, &count, nullptr);
  // Loaders answer so when every driver failed to start.
  if (first == VK_ERROR_INITIALIZATION_FAILED || (first >= 0 && count == 0)) {
    return Error{Code::unsupported_device, kNoDriver};
  }
  NBL_VK(first, "listing Vulkan devices");
  std::vector<VkPhysicalDevice> devices(count);
  NBL_VK(table_.vkEnumeratePhysicalDevices(handle_, &count, devices.data()), "listing Vulkan devices");
  devices.resize(count);
  return devices;
}

}  // namespace nibble::gpu
