// A mark in a queue's commands whose passing the host can ask for without waiting.
// Ownership: owns its VkEvent; the Device outlives it. Move-only. One thread at a time.
#pragma once

#include "gpu/device.h"
#include "gpu/device_state.h"

namespace nibble::gpu {

class Event {
 public:
  static Result<Event> create(const Device& device);

  Event() = default;
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  VkEvent handle() const { return handle_; }
  // Whether the device has come past CommandList::set().
  Result<bool> passed() const;

 private:
  DeviceUse device_;
  VkEvent handle_ = VK_NULL_HANDLE;
};

}  // namespace nibble::gpu
