// Memory for buffers. A network needs a few big ones, so each buffer has its own VkDeviceMemory.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/device_state.h"

namespace nibble::gpu {

enum class BufferPurpose {
  device_local,  // read and written by shaders; host-visible too on a unified device (Caps::unified)
  upload,        // written by the host, read by the device
  readback,      // written by the device, read by the host; cached where the device has such memory
};

// Memory types that serve `purpose`, best first. `type_bits` as in VkMemoryRequirements, `bytes` must fit the type's
// heap.
std::vector<uint32_t> rank_memory_types(const VkPhysicalDeviceMemoryProperties& memory, uint32_t type_bits,
                                        BufferPurpose purpose, bool unified, uint64_t bytes);

// Memory of one buffer, mapped as long as it lives where the host can see it. Owns it; move-only; one thread at a time.
class Allocation {
 public:
  // Refuses more than Caps::max_allocation before asking the driver; out_of_memory names what was asked for.
  static Result<Allocation> create(DeviceState& state, const VkMemoryRequirements& needs, BufferPurpose purpose,
                                   const char* name);
  Allocation() = default;
  Allocation(Allocation&& other) noexcept;
  Allocation& operator=(Allocation&& other) noexcept;
  ~Allocation();

  VkDeviceMemory handle() const { return memory_; }
  std::byte* mapped() const { return mapped_; }

  // Make host writes visible to the device, and device writes to the host. Nothing to do for coherent memory.
  Status flush(uint64_t offset, uint64_t bytes) const;
  Status invalidate(uint64_t offset, uint64_t bytes) const;

 private:
  VkMappedMemoryRange range(uint64_t offset, uint64_t bytes) const;
  Status map(uint32_t flags);

  DeviceUse device_;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  uint64_t bytes_ = 0;
  std::byte* mapped_ = nullptr;
  bool coherent_ = true;
};

}  // namespace nibble::gpu
