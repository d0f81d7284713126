// Time stamps written by the device between commands.
// Ownership: owns its query pool; the Device outlives it. Move-only. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gpu/device.h"
#include "gpu/device_state.h"

namespace nibble::gpu {

class Timer {
 public:
  // On a device without timestamps (Caps::timestamps) the timer works and measures nothing.
  static Result<Timer> create(const Device& device, uint32_t slots);

  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer();

  // Null where there are no timestamps.
  VkQueryPool handle() const { return pool_; }
  uint32_t slots() const { return slots_; }

  // Nanoseconds per slot, counted from the first slot that was written in the last finished run; empty for slots that
  // were not written. No elements at all where the device has no timestamps. Call it after CommandList::wait.
  Result<std::vector<std::optional<uint64_t>>> read() const { return read(0, slots_); }
  // The same for some slots, which were reset at least once. `origin_ticks` becomes the device's clock at the first of
  // them that was written, and stays as it is where none was.
  Result<std::vector<std::optional<uint64_t>>> read(uint32_t first, uint32_t count,
                                                    uint64_t* origin_ticks = nullptr) const;

 private:
  DeviceUse device_;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  uint32_t slots_ = 0;
};

}  // namespace nibble::gpu
