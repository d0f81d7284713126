#include "gpu/event.h"

#include "gpu/vk_error.h"

namespace nibble::gpu {

Result<Event> Event::create(const Device& device) {
  DeviceState& state = device.state();
  Event event;
  event.device_ = DeviceUse(state);
  VkEventCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
  NBL_VK(state.vk.vkCreateEvent(state.device, &info, nullptr, &event.handle_), "creating an event");
  return event;
}

Event::Event(Event&& other) noexcept { *this = std::move(other); }

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Event::~Event() {
  if (handle_) device_->vk.vkDestroyEvent(device_->device, handle_, nullptr);
}

Result<bool> Event::passed() const {
  if (!handle_) return false;
  const VkResult status = device_->vk.vkGetEventStatus(device_->device, handle_);
  NBL_VK(status, "asking for an event");
  return status == VK_EVENT_SET;
}

}  // namespace nibble::gpu
