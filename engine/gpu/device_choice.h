// Which of several devices to take.
#pragma once

#include <string>
#include <vector>

#include "gpu/device.h"
#include "gpu/device_plan.h"

namespace nibble::gpu {

// The index into `devices` (see DeviceChoice for the rule). `fallback` is an index or a part of a name, used when
// `choice` says nothing. not_found lists what there is; unsupported_device says why nothing can be used.
Result<size_t> choose_device(const std::vector<DeviceSnapshot>& devices, const DeviceChoice& choice,
                             const std::string& fallback);

}  // namespace nibble::gpu
