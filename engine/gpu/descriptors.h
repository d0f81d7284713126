// Descriptor sets of a recording: made when it is recorded, never while it runs.
// Ownership: owns the pools and with them the sets. Move-only. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "gpu/buffer.h"
#include "gpu/device_state.h"

namespace nibble::gpu {

class DescriptorSets {
 public:
  explicit DescriptorSets(DeviceState& state) : device_(state) {}
  DescriptorSets(DescriptorSets&&) noexcept = default;
  DescriptorSets& operator=(DescriptorSets&&) = delete;
  ~DescriptorSets();

  // A set that binds exactly these ranges; the same ranges give the same set.
  Result<VkDescriptorSet> find_or_make(std::span<const BufferRange> ranges);

  // Forgets all sets. No recording that uses them may be running.
  void reset();

 private:
  struct Key {
    uint32_t count = 0;
    std::array<std::array<uint64_t, 3>, kMaxBindings> ranges{};
    auto operator<=>(const Key&) const = default;
  };
  Result<VkDescriptorSet> allocate(VkDescriptorSetLayout layout);
  Status add_pool();

  DeviceUse device_;
  std::vector<VkDescriptorPool> pools_;
  size_t pool_ = 0;    // the pool that allocations come from
  uint32_t used_ = 0;  // sets taken from it
  std::map<Key, VkDescriptorSet> sets_;
};

}  // namespace nibble::gpu
