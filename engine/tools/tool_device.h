// The options about devices that nibble-run and nibble-bench share.
#pragma once

#include <string>

#include "nibble/device.h"

namespace CLI {
class App;
}

namespace nibble::tools {

struct DeviceRequest {
  DeviceOptions options;
  bool list = false;  // --list-devices
};

// --device, --list-devices, --pipeline-cache, --validation, --mask.
void add_device_options(CLI::App& app, DeviceRequest& request);

// A line for each Vulkan device of the machine. An error where none can be used.
Status print_devices();

// Creates the device and says on stderr why its cache file is not used, where that is so; with `validation` an error
// when the validation layer is not installed.
Result<Device> open_device(const DeviceRequest& request);

// At the end of the work: keeps the pipelines, and an error where the validation layer had something to say.
Status close_device(const Device& device);

}  // namespace nibble::tools
