// Runs a float network for calibration on a Vulkan device, through the engine.
#pragma once

#include "converter/execute/executor.h"
#include "nibble/device.h"

namespace nibble {

// Every tensor gets its own memory on the device, so that the observer sees them all.
Result<std::unique_ptr<Executor>> make_device_executor(Graph bound, const Device& device);

}  // namespace nibble
