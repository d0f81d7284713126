// A storage buffer with memory of its own.
// Ownership: owns VkBuffer and memory, both gone with it; the Device outlives it. Move-only. One thread at a time; the
// caller makes sure that the device does not use a part while the host writes or reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "gpu/allocator.h"
#include "gpu/device.h"

namespace nibble::gpu {

// A part of any buffer, nibble's or the application's, to bind to a shader.
struct BufferRange {
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t offset = 0;  // a multiple of Caps::offset_alignment
  uint64_t bytes = 0;   // at most Caps::max_buffer_range
  bool operator==(const BufferRange&) const = default;
};

class Buffer {
 public:
  // `bytes` > 0. A buffer may be larger than max_buffer_range (bindings may not). Errors name buffer, wish and limit.
  static Result<Buffer> create(const Device& device, uint64_t bytes, BufferPurpose purpose, const char* name);
  static Result<Buffer> create(DeviceState& state, uint64_t bytes, BufferPurpose purpose,
                               const char* name);  // for gpu/

  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  VkBuffer handle() const { return handle_; }
  uint64_t bytes() const { return bytes_; }
  explicit operator bool() const { return handle_ != VK_NULL_HANDLE; }

  BufferRange range(uint64_t offset, uint64_t bytes) const { return {handle_, offset, bytes}; }
  BufferRange whole() const { return {handle_, 0, bytes_}; }

  // Null where the host does not see the memory; otherwise valid as long as the buffer.
  std::byte* mapped() const { return memory_.mapped(); }

  // Copies into mapped memory and flushes. invalid_argument outside the buffer or where it is not mapped.
  Status write(uint64_t offset, std::span<const std::byte> data) const;
  // Invalidates and copies out of mapped memory.
  Status read(uint64_t offset, std::span<std::byte> out) const;

  // For callers that use mapped() themselves: after writing, and before reading.
  Status flush(uint64_t offset, uint64_t bytes) const;
  Status invalidate(uint64_t offset, uint64_t bytes) const;

 private:
  Status check(const char* what, uint64_t offset, uint64_t bytes) const;

  DeviceUse device_;
  VkBuffer handle_ = VK_NULL_HANDLE;
  uint64_t bytes_ = 0;
  Allocation memory_;
};

}  // namespace nibble::gpu
