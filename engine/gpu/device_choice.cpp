#include "gpu/device_choice.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/text.h"
#include "core/try.h"
#include "gpu/instance.h"
#include "gpu/snapshot.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string list_of(const std::vector<DeviceSnapshot>& devices) {
  std::string out;
  for (size_t i = 0; i < devices.size(); ++i) {
    out += format("%s%zu '%s'", i ? ", " : "", i, devices[i].device_name.c_str());
  }
  return out;
}

int rank(DeviceType type) {
  switch (type) {
    case DeviceType::discrete: return 0;
    case DeviceType::integrated: return 1;
    case DeviceType::virtual_gpu: return 2;
    case DeviceType::cpu: return 3;
    case DeviceType::other: return 4;
  }
  return 5;
}

Result<size_t> choose_by_index(const std::vector<DeviceSnapshot>& devices, int index) {
  if (index >= 0 && static_cast<size_t>(index) < devices.size()) return static_cast<size_t>(index);
  return Error{Code::not_found, format("there is no device %d; there are: %s", index, list_of(devices).c_str())};
}

Result<size_t> choose_by_name(const std::vector<DeviceSnapshot>& devices, const std::string& name) {
  for (size_t i = 0; i < devices.size(); ++i) {
    if (lower(devices[i].device_name).find(lower(name)) != std::string::npos) return i;
  }
  return Error{Code::not_found,
               format("no device is called '%s'; there are: %s", name.c_str(), list_of(devices).c_str())};
}

Result<size_t> choose_best(const std::vector<DeviceSnapshot>& devices) {
  int best = -1;
  std::string refusals;
  for (size_t i = 0; i < devices.size(); ++i) {
    const auto plan = plan_device(devices[i], CapsMask());
    if (!plan) {
      refusals += (refusals.empty() ? "" : "; ") + plan.error().message;
      continue;
    }
    const bool better = best < 0 || rank(devices[i].type) < rank(devices[static_cast<size_t>(best)].type);
    if (better) best = static_cast<int>(i);
  }
  if (best >= 0) return static_cast<size_t>(best);
  return Error{Code::unsupported_device, "no device can be used: " + refusals};
}

}  // namespace

Result<size_t> choose_device(const std::vector<DeviceSnapshot>& devices, const DeviceChoice& choice,
                             const std::string& fallback) {
  if (choice.index >= 0) return choose_by_index(devices, choice.index);
  if (!choice.name.empty()) return choose_by_name(devices, choice.name);
  if (fallback.empty()) return choose_best(devices);
  int index = -1;
  const char* end = fallback.data() + fallback.size();
  const auto [stop, error] = std::from_chars(fallback.data(), end, index);
  const bool is_number = error == std::errc() && stop == end;
  auto chosen = is_number ? choose_by_index(devices, index) : choose_by_name(devices, fallback);
  if (!chosen) return std::move(chosen).error().with_context("NIBBLE_DEVICE");
  return chosen;
}

Result<std::vector<DeviceSummary>> list_devices() {
  NBL_TRY(const CapsMask mask, mask_from_environment());
  NBL_TRY(const Instance instance, Instance::create(false));
  NBL_TRY(const auto devices, instance.physical_devices());
  std::vector<DeviceSummary> out;
  for (VkPhysicalDevice device : devices) {
    NBL_TRY(const DeviceSnapshot snapshot, read_snapshot(instance.table(), device, instance.api_version()));
    DeviceSummary summary;
    summary.index = static_cast<int>(out.size());
    if (auto plan = plan_device(snapshot, mask)) {
      summary.caps = plan->caps;
    } else {
      summary.refusal = plan.error().message;
      summary.caps.device_name = snapshot.device_name;
      summary.caps.device_type = snapshot.type;
      summary.caps.api_version = snapshot.api_version;
      summary.caps.vendor_id = snapshot.vendor_id;
      summary.caps.device_id = snapshot.device_id;
      summary.caps.driver_version = snapshot.driver_version;
    }
    if (const uint64_t bytes = memory_bytes(snapshot); bytes != UINT64_MAX) summary.memory_bytes = bytes;
    out.push_back(std::move(summary));
  }
  return out;
}

}  // namespace nibble::gpu
