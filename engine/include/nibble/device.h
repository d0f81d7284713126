// A Vulkan device, opened by nibble or given by the application.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nibble/export.h"
#include "nibble/result.h"

namespace nibble {

struct ExternalDevice;  // vulkan.h

struct DeviceOptions {
  // Which device: its index in list_devices(), or a part of its name (letter case does not matter). Empty: the
  // environment variable NIBBLE_DEVICE, and when that is empty too the best one (a GPU before a software driver).
  std::string select;
  // A file that keeps compiled pipelines and the results of tune() between runs, of several devices if need be: made
  // when absent, ignored when it is damaged (see Device::cache_state), written by Device::save_pipeline_cache() and
  // when the last user of the device goes. Empty: the environment variable NIBBLE_PIPELINE_CACHE, and when that is
  // empty too none.
  std::string pipeline_cache;
  // Checks every Vulkan call with the validation layer, when it is installed.
  bool validation = false;
  // Hides capabilities to see how a smaller device would fare: "minimum", or "key=value,..." with the keys of
  // Device::capabilities(). NIBBLE_CAPS_MASK in the environment hides more.
  std::string mask;
  // What Device::cache_data() gave in an earlier run, in place of a file or beside it; read during the call only. Used
  // only if it is intact and from the same device, driver (its version and cache UUID) and kernels of the engine, else
  // ignored: Device::cache_state() says why.
  std::span<const std::byte> cache_data = {};
};

struct DeviceInfo {
  int32_t index = 0;
  std::string name;           // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string kind;           // "discrete", "integrated", "virtual_gpu", "cpu", "other"
  std::string version;        // of Vulkan: "1.3.230"
  uint64_t memory_bytes = 0;  // of its largest heap of device memory
  std::string problem;        // why it cannot be used; empty when it can
};

// Every Vulkan device of the machine, usable or not. not_found when there is no Vulkan loader, saying what to install.
NBL_API Result<std::vector<DeviceInfo>> list_devices();

// What was found in the file of DeviceOptions::pipeline_cache.
struct CacheState {
  uint64_t pipeline_bytes = 0;  // compiled pipelines that were loaded
  size_t tuned = 0;             // step problems with a measured choice, from the file and from tune() since
  // Why the file or its tuning is not used, such as "tuning of 'cache.bin' is for driver version 42, this is 43: using
  // the untuned choice". Empty when all is well.
  std::string ignored;
};

struct OpenDevice;  // internal

// A handle: copies refer to the same device, which is closed when the last copy, session and uploaded model is gone.
// May be used from several threads.
class NBL_API Device {
 public:
  // not_found: no Vulkan, or no such device. unsupported_device: too old, the message says for what.
  static Result<Device> create(const DeviceOptions& options = {});
  // Uses the application's device and queue, and never destroys them. They must outlive every Device, Session and bound
  // model made from this: call release() before they are destroyed to be sure. See vulkan.h. Of the options,
  // pipeline_cache and mask count; the others are the application's.
  static Result<Device> wrap(const ExternalDevice& external, const DeviceOptions& options = {});

  const std::string& name() const;
  // What it can do, as "key = value" lines.
  std::string capabilities() const;
  // The pipeline cache as it was found, which is never an error.
  CacheState cache_state() const;
  // Writes the pipeline cache, with what tune() found, to the file given in DeviceOptions; does nothing when none was
  // given. io: it cannot be written; the former file is untouched.
  Status save_pipeline_cache() const;
  // Compiled pipelines and tuning as they are now, for an application that keeps them with its own data and gives them
  // back in DeviceOptions::cache_data.
  Result<std::vector<std::byte>> cache_data() const;

  // For an application that is about to destroy its VkDevice (or wants the memory back at once): destroys everything
  // that nibble has on the device, after which sessions cannot be made on it and all handles to it only say so.
  // invalid_argument with their number while sessions are alive, which must go first; nothing is changed then. No other
  // thread may be making a session on the device.
  Status release();

  explicit Device(std::shared_ptr<OpenDevice> state) : state_(std::move(state)) {}
  const std::shared_ptr<OpenDevice>& state() const { return state_; }

 private:
  std::shared_ptr<OpenDevice> state_;
};

}  // namespace nibble
