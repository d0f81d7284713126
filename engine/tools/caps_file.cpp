#include "tools/caps_file.h"

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/text.h"
#include "core/try.h"
#include "gpu/device_plan.h"
#include "gpu/platform.h"

namespace nibble {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLargestFile = 64u << 20;  // bytes; real dumps have about 200 KB

Error not_a_profile(const std::string& why) {
  return {Code::corrupt_file, "not a Vulkan Profiles file (as `vulkaninfo -j` writes): " + why};
}

const Json* member(const Json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json* value) { return value && value->is_string() ? value->get<std::string>() : ""; }

struct Profile {
  std::string name;
  const Json* body = nullptr;
  std::vector<const Json*> blocks;  // capability blocks that it guarantees
};

Result<Profile> find_profile(const Json& root, const std::string& wanted) {
  const Json* profiles = member(root, "profiles");
  const Json* capabilities = member(root, "capabilities");
  if (!profiles || !profiles->is_object() || !capabilities || !capabilities->is_object()) {
    return not_a_profile("it lacks the objects 'profiles' and 'capabilities'");
  }
  Profile profile;
  for (const auto& [name, body] : profiles->items()) {
    if (!wanted.empty() && name != wanted) continue;
    profile.name = name;
    profile.body = &body;
    break;
  }
  if (!profile.body) {
    if (wanted.empty()) return not_a_profile("it has no profile");
    return Error{Code::not_found, format("the file has no profile '%s'", wanted.c_str())};
  }
  const Json* names = member(*profile.body, "capabilities");
  if (!names || !names->is_array()) return not_a_profile("profile '" + profile.name + "' lists no capabilities");
  for (const Json& name : *names) {
    if (!name.is_string()) continue;  // an array: alternatives
    const Json* block = member(*capabilities, name.get<std::string>());
    if (!block || !block->is_object()) return not_a_profile("there is no capability block '" + text_of(&name) + "'");
    profile.blocks.push_back(block);
  }
  return profile;
}

// Finds properties by structure and member in all blocks of a profile. Structures are given without the author suffix
// (KHR, EXT) that they carry as extensions. The first value of a wrong kind is remembered as the error.
class Properties {
 public:
  explicit Properties(const Profile& profile) : profile_(profile) {}

  // Every value of the member; `section` is "properties" or "features".
  std::vector<const Json*> find(const char* section, std::string_view structure, const char* name) const {
    std::vector<const Json*> found;
    for (const Json* block : profile_.blocks) {
      const Json* structures = member(*block, section);
      if (!structures || !structures->is_object()) continue;
      for (const auto& [key, body] : structures->items()) {
        if (!std::string_view(key).starts_with(structure) || key.size() > structure.size() + 3) continue;
        const Json* value = member(body, name);
        const Json* limits = member(body, "limits");
        if (!value && limits) value = member(*limits, name);
        if (value) found.push_back(value);
      }
    }
    return found;
  }

  bool flag(const char* section, std::string_view structure, const char* name) {
    bool out = false;
    for (const Json* value : find(section, structure, name)) {
      if (value->is_boolean()) {
        out |= value->get<bool>();
      } else if (value->is_number_unsigned()) {
        out |= value->get<uint64_t>() != 0;
      } else {
        wrong(name, "true or false");
      }
    }
    return out;
  }

  // Several blocks of a profile must all hold: the strictest is what the device offers. `lower_is_better` for
  // alignments.
  template <class Number>
  void number(Number& out, std::string_view structure, const char* name, bool lower_is_better = false) {
    std::optional<uint64_t> best;
    for (const Json* value : find("properties", structure, name)) {
      const auto parsed = whole_number(*value, name);
      if (!parsed) return;
      if (!best || (lower_is_better ? *parsed < *best : *parsed > *best)) best = *parsed;
    }
    if (best) out = static_cast<Number>(std::min<uint64_t>(*best, std::numeric_limits<Number>::max()));
  }

  void triple(std::array<uint32_t, 3>& out, std::string_view structure, const char* name) {
    std::optional<std::array<uint32_t, 3>> best;
    for (const Json* value : find("properties", structure, name)) {
      if (!value->is_array() || value->size() != 3) {
        wrong(name, "three whole numbers");
        return;
      }
      if (!best) best.emplace();
      for (size_t i = 0; i < 3; ++i) {
        const auto parsed = whole_number((*value)[i], name);
        if (!parsed) return;
        (*best)[i] = std::max((*best)[i], static_cast<uint32_t>(std::min<uint64_t>(*parsed, UINT32_MAX)));
      }
    }
    if (best) out = *best;
  }

  // Whether a list of enumerators, or a mask of bits, has this one.
  bool has(std::string_view structure, const char* name, const char* enumerator, uint32_t bit) {
    for (const Json* value : find("properties", structure, name)) {
      if (has_enumerator(*value, enumerator, bit)) return true;
    }
    return false;
  }

  static bool has_enumerator(const Json& value, const char* enumerator, uint32_t bit) {
    if (value.is_number_unsigned()) return value.get<uint64_t>() & bit;
    if (!value.is_array()) return false;
    return std::any_of(value.begin(), value.end(), [&](const Json& word) { return text_of(&word) == enumerator; });
  }

  std::optional<uint64_t> whole_number(const Json& value, const char* name) {
    if (value.is_number_unsigned()) return value.get<uint64_t>();
    if (value.is_number_float() && value.get<double>() >= 0 && value.get<double>() < 1e18) {
      return static_cast<uint64_t>(value.get<double>());
    }
    wrong(name, "a whole number");
    return std::nullopt;
  }

  Status status() const {
    if (error_.empty()) return {};
    return not_a_profile(error_);
  }

 private:
  void wrong(const char* name, const char* expected) {
    if (error_.empty()) error_ = format("'%s' is not %s", name, expected);
  }

  const Profile& profile_;
  std::string error_;
};

constexpr const char* kCore = "VkPhysicalDeviceProperties";

std::string first_text(const Properties& properties, std::string_view structure, const char* name) {
  for (const Json* value : properties.find("properties", structure, name)) {
    if (value->is_string()) return value->get<std::string>();
  }
  return {};
}

// By name or by number.
gpu::DeviceType device_type_of(Properties& properties) {
  constexpr const char* kMember = "deviceType";
  const std::string name = first_text(properties, kCore, kMember);
  if (name.ends_with("DISCRETE_GPU")) return gpu::DeviceType::discrete;
  if (name.ends_with("INTEGRATED_GPU")) return gpu::DeviceType::integrated;
  if (name.ends_with("VIRTUAL_GPU")) return gpu::DeviceType::virtual_gpu;
  if (name.ends_with("TYPE_CPU")) return gpu::DeviceType::cpu;
  for (const Json* value : properties.find("properties", kCore, kMember)) {
    if (value->is_number_unsigned() && value->get<uint64_t>() <= static_cast<uint64_t>(gpu::DeviceType::cpu)) {
      return static_cast<gpu::DeviceType>(value->get<uint64_t>());
    }
  }
  return gpu::DeviceType::other;
}

// VkDriverId by name; files give names where gpu::Caps has numbers.
uint32_t driver_id_of(const std::string& name) {
  constexpr const char* kNames[] = {"",
                                    "AMD_PROPRIETARY",
                                    "AMD_OPEN_SOURCE",
                                    "MESA_RADV",
                                    "NVIDIA_PROPRIETARY",
                                    "INTEL_PROPRIETARY_WINDOWS",
                                    "INTEL_OPEN_SOURCE_MESA",
                                    "IMAGINATION_PROPRIETARY",
                                    "QUALCOMM_PROPRIETARY",
                                    "ARM_PROPRIETARY",
                                    "GOOGLE_SWIFTSHADER",
                                    "GGP_PROPRIETARY",
                                    "BROADCOM_PROPRIETARY",
                                    "MESA_LLVMPIPE",
                                    "MOLTENVK",
                                    "COREAVI_PROPRIETARY",
                                    "JUICE_PROPRIETARY",
                                    "VERISILICON_PROPRIETARY",
                                    "MESA_TURNIP",
                                    "MESA_V3DV",
                                    "MESA_PANVK",
                                    "SAMSUNG_PROPRIETARY",
                                    "MESA_VENUS",
                                    "MESA_DOZEN",
                                    "MESA_NVK",
                                    "IMAGINATION_OPEN_SOURCE_MESA"};
  for (uint32_t id = 1; id < std::size(kNames); ++id) {
    if (name == std::string("VK_DRIVER_ID_") + kNames[id]) return id;
  }
  return 0;
}

void read_identity(const Profile& profile, Properties& properties, gpu::DeviceSnapshot& s) {
  s.device_name = first_text(properties, kCore, "deviceName");
  if (s.device_name.empty()) s.device_name = text_of(member(*profile.body, "label"));
  if (s.device_name.empty()) s.device_name = profile.name;
  s.type = device_type_of(properties);
  properties.number(s.vendor_id, kCore, "vendorID");
  properties.number(s.device_id, kCore, "deviceID");
  properties.number(s.driver_version, kCore, "driverVersion");
  for (const char* structure : {"VkPhysicalDeviceVulkan12Properties", "VkPhysicalDeviceDriverProperties"}) {
    if (s.driver_id == 0) s.driver_id = driver_id_of(first_text(properties, structure, "driverID"));
  }
  // Reports that keep no type keep the driver, and these run on processors alone.
  if (s.driver_id == VK_DRIVER_ID_MESA_LLVMPIPE || s.driver_id == VK_DRIVER_ID_GOOGLE_SWIFTSHADER) {
    s.type = gpu::DeviceType::cpu;
  }
}

Status read_version(const Profile& profile, Properties& properties, gpu::DeviceSnapshot& s) {
  uint32_t version = 0;
  properties.number(version, kCore, "apiVersion");
  if (version == 0) {
    const std::string text = text_of(member(*profile.body, "api-version"));
    unsigned major = 0, minor = 0, patch = 0;
    if (std::sscanf(text.c_str(), "%3u.%4u.%5u", &major, &minor, &patch) < 2) {
      return not_a_profile(format("profile '%s' has no api-version", profile.name.c_str()));
    }
    version = VK_MAKE_API_VERSION(0, major & 127, minor & 1023, patch & 4095);
  }
  s.api_version = version;
  return {};
}

void read_limits(Properties& properties, gpu::DeviceSnapshot& s) {
  properties.number(s.per_stage_storage_buffers, kCore, "maxPerStageDescriptorStorageBuffers");
  properties.number(s.per_set_storage_buffers, kCore, "maxDescriptorSetStorageBuffers");
  properties.number(s.per_stage_resources, kCore, "maxPerStageResources");
  properties.triple(s.workgroup_size, kCore, "maxComputeWorkGroupSize");
  properties.triple(s.workgroup_count, kCore, "maxComputeWorkGroupCount");
  properties.number(s.workgroup_invocations, kCore, "maxComputeWorkGroupInvocations");
  properties.number(s.shared_bytes, kCore, "maxComputeSharedMemorySize");
  properties.number(s.storage_range, kCore, "maxStorageBufferRange");
  properties.number(s.offset_alignment, kCore, "minStorageBufferOffsetAlignment", true);
  properties.number(s.non_coherent_atom, kCore, "nonCoherentAtomSize", true);
  properties.number(s.push_bytes, kCore, "maxPushConstantsSize");
  for (const char* structure : {"VkPhysicalDeviceVulkan11Properties", "VkPhysicalDeviceMaintenance3Properties"}) {
    properties.number(s.max_allocation, structure, "maxMemoryAllocationSize");
  }
  for (const char* structure : {"VkPhysicalDeviceVulkan13Properties", "VkPhysicalDeviceMaintenance4Properties"}) {
    properties.number(s.max_buffer_bytes, structure, "maxBufferSize");
  }
}

void read_subgroups(Properties& properties, gpu::DeviceSnapshot& s) {
  struct Names {
    const char *structure, *stages, *operations;
  };
  constexpr Names kNames[] = {
      {"VkPhysicalDeviceVulkan11Properties", "subgroupSupportedStages", "subgroupSupportedOperations"},
      {"VkPhysicalDeviceSubgroupProperties", "supportedStages", "supportedOperations"}};
  s.subgroup_in_compute = false;
  for (const Names& names : kNames) {
    properties.number(s.subgroup_size, names.structure, "subgroupSize");
    s.subgroup_in_compute |=
        properties.has(names.structure, names.stages, "VK_SHADER_STAGE_COMPUTE_BIT", VK_SHADER_STAGE_COMPUTE_BIT) ||
        properties.has(names.structure, names.stages, "VK_SHADER_STAGE_ALL", VK_SHADER_STAGE_COMPUTE_BIT);
    s.subgroup_arithmetic |= properties.has(names.structure, names.operations, "VK_SUBGROUP_FEATURE_ARITHMETIC_BIT",
                                            VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
    s.subgroup_shuffle |= properties.has(names.structure, names.operations, "VK_SUBGROUP_FEATURE_SHUFFLE_BIT",
                                         VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
    s.subgroup_quad |=
        properties.has(names.structure, names.operations, "VK_SUBGROUP_FEATURE_QUAD_BIT", VK_SUBGROUP_FEATURE_QUAD_BIT);
  }
}

void read_features(Properties& properties, gpu::DeviceSnapshot& s) {
  const auto either = [&](const char* core, const char* single, const char* name) {
    return properties.flag("features", core, name) || properties.flag("features", single, name);
  };
  constexpr const char* kVulkan12 = "VkPhysicalDeviceVulkan12Features";
  constexpr const char* kFloat16Int8 = "VkPhysicalDeviceShaderFloat16Int8Features";
  s.features.storage16 =
      either("VkPhysicalDeviceVulkan11Features", "VkPhysicalDevice16BitStorageFeatures", "storageBuffer16BitAccess");
  s.features.storage8 = either(kVulkan12, "VkPhysicalDevice8BitStorageFeatures", "storageBuffer8BitAccess");
  s.features.float16 = either(kVulkan12, kFloat16Int8, "shaderFloat16");
  s.features.int8 = either(kVulkan12, kFloat16Int8, "shaderInt8");
  s.features.int16 = properties.flag("features", "VkPhysicalDeviceFeatures", "shaderInt16");
  s.features.dot8 = either("VkPhysicalDeviceVulkan13Features", "VkPhysicalDeviceShaderIntegerDotProductFeatures",
                           "shaderIntegerDotProduct");
  constexpr const char* kAccelerated = "integerDotProduct4x8BitPackedSignedAccelerated";
  s.dot8_accelerated = properties.flag("properties", "VkPhysicalDeviceVulkan13Properties", kAccelerated) ||
                       properties.flag("properties", "VkPhysicalDeviceShaderIntegerDotProductProperties", kAccelerated);
}

void read_extensions_and_queues(const Profile& profile, Properties& properties, gpu::DeviceSnapshot& s) {
  for (const Json* block : profile.blocks) {
    if (const Json* extensions = member(*block, "extensions"); extensions && extensions->is_object()) {
      for (const auto& item : extensions->items()) s.extensions.push_back(item.key());
    }
    const Json* families = member(*block, "queueFamiliesProperties");
    if (!families || !families->is_array()) continue;
    for (const Json& row : *families) {
      const Json* body = member(row, "VkQueueFamilyProperties");
      if (!body) continue;
      gpu::QueueFamily family;
      const Json* flags = member(*body, "queueFlags");
      if (flags && Properties::has_enumerator(*flags, "VK_QUEUE_COMPUTE_BIT", VK_QUEUE_COMPUTE_BIT)) {
        family.flags |= VK_QUEUE_COMPUTE_BIT;
      }
      if (flags && Properties::has_enumerator(*flags, "VK_QUEUE_GRAPHICS_BIT", VK_QUEUE_GRAPHICS_BIT)) {
        family.flags |= VK_QUEUE_GRAPHICS_BIT;
      }
      if (const Json* bits = member(*body, "timestampValidBits")) {
        family.timestamp_bits = static_cast<uint32_t>(properties.whole_number(*bits, "timestampValidBits").value_or(0));
      }
      s.queue_families.push_back(family);
    }
  }
  // A baseline profile promises no particular families, but Vulkan promises one that computes next to graphics.
  if (s.queue_families.empty()) s.queue_families.push_back({VK_QUEUE_COMPUTE_BIT | VK_QUEUE_GRAPHICS_BIT, 1, 0});
}

}  // namespace

Result<gpu::Caps> parse_caps_json(std::string_view text, const CapsFileOptions& options) {
  const Json root = Json::parse(text, nullptr, false);
  if (root.is_discarded()) return not_a_profile("it is not JSON");
  NBL_TRY(const Profile profile, find_profile(root, options.profile));
  Properties properties(profile);
  gpu::DeviceSnapshot snapshot;
  NBL_CHECK(read_version(profile, properties, snapshot));
  read_identity(profile, properties, snapshot);
  read_limits(properties, snapshot);
  read_subgroups(properties, snapshot);
  read_features(properties, snapshot);
  read_extensions_and_queues(profile, properties, snapshot);
  NBL_CHECK(properties.status());
  if (options.type) snapshot.type = *options.type;
  if (options.assume_api_1_1) snapshot.api_version = std::max<uint32_t>(snapshot.api_version, VK_API_VERSION_1_1);
  NBL_TRY(gpu::DevicePlan plan, gpu::plan_device(snapshot, gpu::CapsMask()));
  return std::move(plan.caps);
}

Result<gpu::Caps> read_caps_file(const std::string& path, const CapsFileOptions& options) {
  NBL_TRY(const std::string text, gpu::read_file(path, kLargestFile));
  auto caps = parse_caps_json(text, options);
  if (!caps) return std::move(caps).error().with_context(path);
  return caps;
}

}  // namespace nibble
