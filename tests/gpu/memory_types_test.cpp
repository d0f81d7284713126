#include <gtest/gtest.h>

#include "gpu/allocator.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr uint32_t kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr uint32_t kCached = kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr uint64_t kGiB = 1u << 30;

// Types as a discrete GPU lists them: heap 0 of 8 GiB on the device, heap 1 of the host, heap 2 a 256 MiB window.
VkPhysicalDeviceMemoryProperties discrete() {
  VkPhysicalDeviceMemoryProperties memory{};
  memory.memoryTypeCount = 5;
  memory.memoryTypes[0] = {kLocal, 0};
  memory.memoryTypes[1] = {kHost, 1};
  memory.memoryTypes[2] = {kCached, 1};
  memory.memoryTypes[3] = {kLocal | kHost, 2};
  memory.memoryTypes[4] = {kLocal | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT, 0};
  memory.memoryHeapCount = 3;
  memory.memoryHeaps[0].size = 8 * kGiB;
  memory.memoryHeaps[1].size = 16 * kGiB;
  memory.memoryHeaps[2].size = kGiB / 4;
  return memory;
}

std::vector<uint32_t> rank(BufferPurpose purpose, uint32_t type_bits = ~0u, uint64_t bytes = 1, bool unified = false) {
  return rank_memory_types(discrete(), type_bits, purpose, unified, bytes);
}

TEST(MemoryTypes, a_discrete_gpu_keeps_weights_in_its_own_memory) {
  EXPECT_EQ(rank(BufferPurpose::device_local).front(), 0u);
  EXPECT_EQ(rank(BufferPurpose::upload), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(rank(BufferPurpose::readback).front(), 2u);
}

TEST(MemoryTypes, type_bits_and_heap_sizes_exclude_types) {
  EXPECT_EQ(rank(BufferPurpose::upload, 0b01100u), (std::vector<uint32_t>{2, 3}));
  EXPECT_EQ(rank(BufferPurpose::upload, ~0u, kGiB), (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(rank(BufferPurpose::device_local, ~0u, 32 * kGiB).empty());
}

TEST(MemoryTypes, lazily_allocated_memory_is_never_used) {
  EXPECT_TRUE(rank(BufferPurpose::device_local, 0b10000u).empty());
}

TEST(MemoryTypes, host_memory_is_the_last_resort_for_device_buffers) {
  const auto types = rank(BufferPurpose::device_local);
  ASSERT_EQ(types.size(), 4u);
  EXPECT_EQ(types[1], 3u);
}

TEST(MemoryTypes, a_unified_device_maps_its_own_memory) {
  VkPhysicalDeviceMemoryProperties memory = discrete();
  memory.memoryTypes[3].propertyFlags = kLocal | kCached;
  EXPECT_EQ(rank_memory_types(memory, ~0u, BufferPurpose::device_local, true, 1).front(), 3u);
  EXPECT_EQ(rank_memory_types(memory, ~0u, BufferPurpose::device_local, false, 1).front(), 0u);
}

}  // namespace
}  // namespace nibble::gpu
