// The choices that tuning found for a device.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "gpu/device.h"
#include "kernels/choices.h"

namespace nibble {

// Any thread may call.
class DeviceTuning {
 public:
  // Starts with what the device's cache file holds for it, its driver and these kernels.
  explicit DeviceTuning(const gpu::Device& device);

  // Never null; what it points to does not change.
  std::shared_ptr<const Choices> choices() const;
  // Takes further choices, for sessions made from now on and for the cache file. Fails where there would be too many.
  Status add(const gpu::Device& device, const Choices& choices);

  // Why the file's tuning is not used; empty where it is, and where there is none.
  const std::string& ignored() const { return ignored_; }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Choices> choices_;
  Choices learned_;  // since the file was read
  std::string ignored_;
};

}  // namespace nibble
