#include "gpu/timer.h"

#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {

Result<Timer> Timer::create(const Device& device, uint32_t slots) {
  DeviceState& state = device.state();
  Timer timer;
  timer.device_ = DeviceUse(state);
  timer.slots_ = slots;
  if (state.timestamp_bits == 0 || slots == 0) return timer;
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = slots;
  NBL_VK(state.vk.vkCreateQueryPool(state.device, &info, nullptr, &timer.pool_), "creating a query pool");
  return timer;
}

Timer::Timer(Timer&& other) noexcept { *this = std::move(other); }

Timer& Timer::operator=(Timer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(slots_, other.slots_);
  return *this;
}

Timer::~Timer() {
  if (pool_) device_->vk.vkDestroyQueryPool(device_->device, pool_, nullptr);
}

Result<std::vector<std::optional<uint64_t>>> Timer::read(uint32_t first, uint32_t count, uint64_t* origin_ticks) const {
  std::vector<std::optional<uint64_t>> out;
  if (!pool_) return out;
  struct Slot {
    uint64_t ticks, available;
  };
  std::vector<Slot> raw(count);
  NBL_VK(
      device_->vk.vkGetQueryPoolResults(device_->device, pool_, first, count, raw.size() * sizeof(Slot), raw.data(),
                                        sizeof(Slot), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT),
      "reading timestamps");
  const uint64_t mask = device_->timestamp_bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << device_->timestamp_bits) - 1;
  std::optional<uint64_t> origin;
  out.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (!raw[i].available) continue;
    if (!origin) origin = raw[i].ticks;
    // Counters of few bits wrap (36 bits at 52 ns within the hour); differences do not, once masked.
    const uint64_t ticks = (raw[i].ticks - *origin) & mask;
    out[i] = static_cast<uint64_t>(static_cast<double>(ticks) * static_cast<double>(device_->timestamp_period));
  }
  if (origin && origin_ticks) *origin_ticks = *origin;
  return out;
}

}  // namespace nibble::gpu
