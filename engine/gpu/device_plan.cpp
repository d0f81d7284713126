#include "gpu/device_plan.h"

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <bit>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::gpu {
namespace {

bool has_extension(const std::vector<std::string>& extensions, const char* name) {
  return std::find(extensions.begin(), extensions.end(), name) != extensions.end();
}

// Each optional feature: the version that has it in its core, and before that the extension.
struct FeatureRow {
  bool ShaderFeatures::*flag;
  uint32_t bit;
  uint32_t core_version;
  const char* extension;
};
constexpr FeatureRow kFeatures[] = {
    {&ShaderFeatures::storage16, Caps::storage16, VK_API_VERSION_1_1, "VK_KHR_16bit_storage"},
    {&ShaderFeatures::storage8, Caps::storage8, VK_API_VERSION_1_2, "VK_KHR_8bit_storage"},
    {&ShaderFeatures::float16, Caps::float16, VK_API_VERSION_1_2, "VK_KHR_shader_float16_int8"},
    {&ShaderFeatures::int8, Caps::int8, VK_API_VERSION_1_2, "VK_KHR_shader_float16_int8"},
    {&ShaderFeatures::int16, Caps::int16, VK_API_VERSION_1_0, ""},
    {&ShaderFeatures::dot8, Caps::dot8, VK_API_VERSION_1_3, "VK_KHR_shader_integer_dot_product"},
};

uint32_t usable_version(const DeviceSnapshot& s) { return std::min(s.api_version, s.instance_version); }

Status check_version(const DeviceSnapshot& s) {
  if (usable_version(s) >= VK_API_VERSION_1_1) return {};
  const char* who = s.api_version < VK_API_VERSION_1_1 ? "device" : "instance";
  return Error{Code::unsupported_device,
               format("device '%s': Vulkan 1.1 is needed, the %s has %s", s.device_name.c_str(), who,
                      version_to_text(usable_version(s)).c_str())};
}

Result<uint32_t> choose_queue_family(const DeviceSnapshot& s) {
  int found = -1;
  for (size_t i = 0; i < s.queue_families.size(); ++i) {
    const QueueFamily& family = s.queue_families[i];
    if (!(family.flags & VK_QUEUE_COMPUTE_BIT) || family.count == 0) continue;
    // A family of its own leaves the application's graphics queue alone.
    if (!(family.flags & VK_QUEUE_GRAPHICS_BIT)) return static_cast<uint32_t>(i);
    if (found < 0) found = static_cast<int>(i);
  }
  if (found >= 0) return static_cast<uint32_t>(found);
  return Error{Code::unsupported_device, format("device '%s': none of its %zu queue families can compute",
                                                s.device_name.c_str(), s.queue_families.size())};
}

uint32_t memory_bits(const DeviceSnapshot& s) {
  constexpr uint32_t kCached = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  constexpr uint32_t kUnified = kCached | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  uint32_t bits = 0;
  for (uint32_t flags : s.memory_type_flags) {
    if ((flags & kCached) == kCached) bits |= Caps::host_cached;
    if ((flags & kUnified) == kUnified) bits |= Caps::unified;
  }
  return bits;
}

uint32_t feature_bits(const DeviceSnapshot& s) {
  uint32_t bits = 0;
  for (const FeatureRow& row : kFeatures) {
    const bool reachable = usable_version(s) >= row.core_version || has_extension(s.extensions, row.extension);
    if (s.features.*row.flag && reachable) bits |= row.bit;
  }
  if ((bits & Caps::dot8) && s.dot8_accelerated) bits |= Caps::dot8_fast;
  if (s.subgroup_arithmetic && s.subgroup_shuffle && s.subgroup_in_compute) bits |= Caps::subgroup;
  const bool vector_sized = s.subgroup_size >= 4 && s.subgroup_size <= 16 && std::has_single_bit(s.subgroup_size);
  if (s.type == DeviceType::cpu && vector_sized && s.subgroup_quad && s.subgroup_shuffle && s.subgroup_in_compute) {
    bits |= Caps::lanes;
  }
  return bits;
}

Caps caps_of(const DeviceSnapshot& s, const QueueFamily& family) {
  Caps caps;
  caps.bits = feature_bits(s) | memory_bits(s);
  if (family.timestamp_bits > 0 && s.timestamp_period > 0) caps.bits |= Caps::timestamps;
  caps.api_version = usable_version(s);
  caps.vendor_id = s.vendor_id;
  caps.device_id = s.device_id;
  caps.driver_id = s.driver_id;
  caps.driver_version = s.driver_version;
  caps.device_type = s.type;
  caps.device_name = s.device_name;
  caps.max_storage_buffers = std::min({s.per_stage_storage_buffers, s.per_set_storage_buffers, s.per_stage_resources});
  caps.max_workgroup_size = s.workgroup_size;
  caps.max_workgroup_count = s.workgroup_count;
  caps.max_workgroup_invocations = s.workgroup_invocations;
  caps.shared_bytes = s.shared_bytes;
  caps.max_buffer_range = s.storage_range;
  caps.max_allocation = std::min(s.max_allocation, s.max_buffer_bytes);
  caps.memory_bytes = memory_bytes(s);
  // Vulkan wants powers of two; a file may say anything, and zero would divide.
  caps.offset_alignment = std::bit_ceil(std::clamp(s.offset_alignment, 1u, 1u << 16));
  caps.non_coherent_atom = std::bit_ceil(std::clamp(s.non_coherent_atom, 1u, 1u << 16));
  caps.push_bytes = s.push_bytes;
  caps.subgroup_size = s.subgroup_size;
  keep_countable(caps);
  return caps;
}

void enable_features(const DeviceSnapshot& s, DevicePlan& plan) {
  plan.enable_version = usable_version(s);
  for (const FeatureRow& row : kFeatures) {
    if (!plan.caps.has(row.bit)) continue;
    plan.enable.*row.flag = true;
    const bool in_core = usable_version(s) >= row.core_version;
    if (!in_core && !has_extension(plan.extensions, row.extension)) plan.extensions.push_back(row.extension);
  }
  // Where a device offers this one it must be enabled (layered implementations such as MoltenVK).
  constexpr const char* kPortability = "VK_KHR_portability_subset";
  if (has_extension(s.extensions, kPortability)) plan.extensions.push_back(kPortability);
}

Result<DevicePlan> plan_with_family(const DeviceSnapshot& s, uint32_t queue_family, const CapsMask& mask_by) {
  const QueueFamily& family = s.queue_families[queue_family];
  DevicePlan plan;
  plan.caps = mask(caps_of(s, family), mask_by);
  if (plan.caps.api_version < VK_API_VERSION_1_1) {
    return Error{Code::unsupported_device,
                 format("device '%s': Vulkan 1.1 is needed, the capability mask leaves %s", s.device_name.c_str(),
                        version_to_text(plan.caps.api_version).c_str())};
  }
  plan.queue_family = queue_family;
  if (plan.caps.has(Caps::timestamps)) plan.timestamp_bits = family.timestamp_bits;
  plan.timestamp_period = s.timestamp_period;
  enable_features(s, plan);
  return plan;
}

}  // namespace

uint64_t memory_bytes(const DeviceSnapshot& snapshot) {
  const bool shared = snapshot.type == DeviceType::integrated || snapshot.type == DeviceType::cpu;
  uint64_t largest = 0;
  for (const MemoryHeap& heap : snapshot.memory_heaps) {
    if (heap.device_local || shared) largest = std::max(largest, heap.bytes);
  }
  return largest > 0 ? largest : UINT64_MAX;
}

Result<DevicePlan> plan_device(const DeviceSnapshot& snapshot, const CapsMask& mask) {
  NBL_CHECK(check_version(snapshot));
  NBL_TRY(const uint32_t family, choose_queue_family(snapshot));
  return plan_with_family(snapshot, family, mask);
}

Result<DevicePlan> plan_wrapped(const DeviceSnapshot& snapshot, const ShaderFeatures& enabled,
                                const std::vector<std::string>& enabled_extensions, uint32_t queue_family,
                                const CapsMask& mask) {
  NBL_CHECK(check_version(snapshot));
  if (queue_family >= snapshot.queue_families.size() ||
      !(snapshot.queue_families[queue_family].flags & VK_QUEUE_COMPUTE_BIT)) {
    return broken_rule(
        format("device '%s': queue family %u cannot compute", snapshot.device_name.c_str(), queue_family),
        Code::unsupported_device);
  }
  DeviceSnapshot seen = snapshot;
  seen.extensions = enabled_extensions;
  for (const FeatureRow& row : kFeatures) seen.features.*row.flag &= enabled.*row.flag;
  return plan_with_family(seen, queue_family, mask);
}

}  // namespace nibble::gpu
