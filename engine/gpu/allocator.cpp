#include "gpu/allocator.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr uint32_t kVisible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
constexpr uint32_t kCoherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr uint32_t kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
// Memory with further promises (lazily allocated, protected, AMD's device-coherent) is not ours to use.
constexpr uint32_t kOrdinary = kLocal | kVisible | kCoherent | kCached;

// Larger is better; negative cannot serve.
int score(uint32_t flags, BufferPurpose purpose, bool unified) {
  if (flags & ~kOrdinary) return -1;
  const auto points = [flags](uint32_t bits, int value) { return (flags & bits) == bits ? value : 0; };
  switch (purpose) {
    case BufferPurpose::device_local:
      // Host-visible device memory is a small window on many GPUs, so it is taken only where all memory is one.
      return points(kLocal, 8) +
             (unified ? points(kVisible | kCached, 2) + points(kCoherent, 1) : points(kVisible, -1) + 1);
    case BufferPurpose::upload:
      // Cached reads are of no use to a writer, and write-combined memory does not pollute its cache.
      if (!(flags & kVisible)) return -1;
      return 4 + points(kCoherent, 4) + points(kLocal, -2) + points(kCached, -1);
    case BufferPurpose::readback:
      if (!(flags & kVisible)) return -1;
      return 4 + points(kCached, 8) + points(kCoherent, 2) + points(kLocal, -1);
  }
  return -1;
}

unsigned long long ull(uint64_t value) { return value; }

}  // namespace

std::vector<uint32_t> rank_memory_types(const VkPhysicalDeviceMemoryProperties& memory, uint32_t type_bits,
                                        BufferPurpose purpose, bool unified, uint64_t bytes) {
  std::vector<uint32_t> types;
  const auto points = [&](uint32_t type) { return score(memory.memoryTypes[type].propertyFlags, purpose, unified); };
  for (uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
    const bool allowed = type_bits >> type & 1;
    const bool fits = memory.memoryHeaps[memory.memoryTypes[type].heapIndex].size >= bytes;
    if (allowed && fits && points(type) >= 0) types.push_back(type);
  }
  // Vulkan orders types by performance, so equals keep their order.
  std::stable_sort(types.begin(), types.end(), [&](uint32_t a, uint32_t b) { return points(a) > points(b); });
  return types;
}

Result<Allocation> Allocation::create(DeviceState& state, const VkMemoryRequirements& needs, BufferPurpose purpose,
                                      const char* name) {
  if (needs.size > state.caps.max_allocation) {
    return Error{Code::out_of_memory,
                 format("buffer '%s' needs %llu bytes, device '%s' allows %llu in one allocation", name,
                        ull(needs.size), state.caps.device_name.c_str(), ull(state.caps.max_allocation))};
  }
  const auto types =
      rank_memory_types(state.memory, needs.memoryTypeBits, purpose, state.caps.has(Caps::unified), needs.size);
  Allocation allocation;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (const uint32_t type : types) {
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.allocationSize = needs.size;
    info.memoryTypeIndex = type;
    ++state.allocations;
    result = state.vk.vkAllocateMemory(state.device, &info, nullptr, &allocation.memory_);
    if (result < 0) continue;  // a full heap: the next best type may lie in another
    allocation.device_ = DeviceUse(state);
    allocation.bytes_ = needs.size;
    const uint64_t held = state.allocated_bytes += needs.size;
    uint64_t peak = state.peak_bytes;
    while (held > peak && !state.peak_bytes.compare_exchange_weak(peak, held)) {
    }
    NBL_CHECK(allocation.map(state.memory.memoryTypes[type].propertyFlags));
    return allocation;
  }
  return vk_error(result, format("allocating %llu bytes for buffer '%s' on '%s' (%zu memory types tried)",
                                 ull(needs.size), name, state.caps.device_name.c_str(), types.size()));
}

Status Allocation::map(uint32_t flags) {
  coherent_ = flags & kCoherent;
  if (!(flags & kVisible)) return {};
  void* pointer = nullptr;
  NBL_VK(device_->vk.vkMapMemory(device_->device, memory_, 0, VK_WHOLE_SIZE, 0, &pointer), "mapping memory");
  mapped_ = static_cast<std::byte*>(pointer);
  return {};
}

Allocation::Allocation(Allocation&& other) noexcept { *this = std::move(other); }

Allocation& Allocation::operator=(Allocation&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_, other.mapped_);
  std::swap(coherent_, other.coherent_);
  return *this;
}

Allocation::~Allocation() {
  if (!memory_) return;
  device_->vk.vkFreeMemory(device_->device, memory_, nullptr);  // unmaps too
  device_->allocated_bytes -= bytes_;
}

VkMappedMemoryRange Allocation::range(uint64_t offset, uint64_t bytes) const {
  const uint64_t atom = device_->caps.non_coherent_atom;
  VkMappedMemoryRange out{};
  out.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE;
  out.memory = memory_;
  out.offset = offset / atom * atom;
  const uint64_t end = (offset + bytes + atom - 1) / atom * atom;
  // A range that is no multiple of the atom must reach the end of the memory.
  out.size = end >= bytes_ ? VK_WHOLE_SIZE : end - out.offset;
  return out;
}

Status Allocation::flush(uint64_t offset, uint64_t bytes) const {
  if (coherent_ || bytes == 0) return {};
  const VkMappedMemoryRange mapped = range(offset, bytes);
  NBL_VK(device_->vk.vkFlushMappedMemoryRanges(device_->device, 1, &mapped), "flushing mapped memory");
  return {};
}

Status Allocation::invalidate(uint64_t offset, uint64_t bytes) const {
  if (coherent_ || bytes == 0) return {};
  const VkMappedMemoryRange mapped = range(offset, bytes);
  NBL_VK(device_->vk.vkInvalidateMappedMemoryRanges(device_->device, 1, &mapped), "invalidating mapped memory");
  return {};
}

}  // namespace nibble::gpu
