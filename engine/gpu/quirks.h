// What is known of particular drivers beyond what they report. The only place with vendor and driver ids.
#pragma once

#include <optional>
#include <span>

#include "gpu/caps.h"

namespace nibble::gpu {

struct Quirk {
  const char* device;
  uint32_t driver_id;  // VkDriverId
  uint32_t first_driver_version, last_driver_version;
  const char* symptom;
  const char* source;
  std::optional<Int8Path> int8_path;  // which exact int8 path is fastest where the dot product is not accelerated
};

std::span<const Quirk> quirks();

// The int8 path of the first quirk that matches the device.
std::optional<Int8Path> quirk_int8_path(const Caps& caps);

}  // namespace nibble::gpu
