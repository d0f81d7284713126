#include "tools/tool_device.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/heap.h"
#include "core/text.h"
#include "core/try.h"
#include "runtime/open_device.h"
#include "tools/tool_program.h"

namespace nibble::tools {

void add_device_options(CLI::App& app, DeviceRequest& request) {
  app.add_option("--device", request.options.select,
                 "the Vulkan device: its index in --list-devices, or a part of its name (default: $NIBBLE_DEVICE, else "
                 "the best)");
  app.add_flag("--list-devices", request.list, "list the Vulkan devices of this machine and stop");
  app.add_option(
      "--pipeline-cache", request.options.pipeline_cache,
      "a file that keeps compiled pipelines and the results of nibble-tune between runs; made when absent (default: "
      "$NIBBLE_PIPELINE_CACHE)");
  app.add_flag("--validation", request.options.validation,
               "check every Vulkan call with the validation layer; any message fails");
  app.add_option("--mask", request.options.mask,
                 "hide capabilities of the device: 'minimum', or KEY=VALUE,... as in Vulkan 1.1's least device");
}

Status print_devices() {
  NBL_TRY(const std::vector<DeviceInfo> devices, list_devices());
  size_t usable = 0;
  std::string problems;
  for (const DeviceInfo& device : devices) {
    std::printf("%d  %s  (%s, Vulkan %s, %s)%s%s\n", device.index, printable(device.name).c_str(), device.kind.c_str(),
                device.version.c_str(), bytes_text(device.memory_bytes).c_str(),
                device.problem.empty() ? "" : "  cannot be used: ", printable(device.problem).c_str());
    usable += device.problem.empty();
    if (!device.problem.empty()) problems += (problems.empty() ? "" : "; ") + device.name + ": " + device.problem;
  }
  if (usable == 0) return Error{Code::unsupported_device, "no device can be used: " + problems};
  return {};
}

Result<Device> open_device(const DeviceRequest& request) {
  NBL_TRY(Device device, Device::create(request.options));
  // Compilers leave a heap in each thread that they ran in, where a driver may compile more at the first run. What to
  // do about that is a program's business, so that the library leaves it alone.
  device.state()->pipelines.set_after_compiling(trim_heap);
  if (request.options.validation && !device.state()->gpu.validation_enabled()) {
    return Error{Code::not_found,
                 "--validation: the Vulkan validation layer is not installed (Debian: vulkan-validationlayers)"};
  }
  if (const CacheState cache = device.cache_state(); !cache.ignored.empty()) {
    std::fprintf(stderr, "note: %s\n", printable(cache.ignored).c_str());
  }
  return device;
}

Status close_device(const Device& device) {
  NBL_CHECK(device.save_pipeline_cache());
  const uint64_t messages = device.state()->gpu.validation_messages();
  if (messages == 0) return {};
  return Error{Code::internal,
               format("%llu messages from Vulkan validation, see above", static_cast<unsigned long long>(messages))};
}

}  // namespace nibble::tools
