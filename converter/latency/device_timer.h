// Times layers and networks on a Vulkan device, through the engine.
#pragma once

#include "converter/search/latency_table.h"
#include "nibble/device.h"

namespace nibble::latency {

// Medians of kRuns runs after kWarmUps others: of a layer the device's own time stamps (of the host's clock where there
// are none), of a network the host's clock around Session::run(). A long look takes kSessions sessions of their own,
// each for kSeconds where that is more runs. The first network runs in turns with all later ones, and their times are
// scaled to one pace of the machine: one that does something else as well changes it from one second to the next.
inline constexpr int kRuns = 30, kWarmUps = 3, kSessions = 3;
inline constexpr double kSeconds = 0.7;
std::unique_ptr<search::LayerTimer> make_device_timer(Device device);

}  // namespace nibble::latency
