// Copies between host memory and device-local buffers, for weights and tests; a session's own inputs and outputs are
// part of its recording instead.
// Ownership: owns one staging buffer and one command list. Move-only. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "gpu/buffer.h"
#include "gpu/command.h"

namespace nibble::gpu {

class Staging {
 public:
  // `bytes` of staging memory, the largest piece that one copy moves. Nothing is allocated before it is needed.
  static Result<Staging> create(const Device& device, uint64_t bytes);

  // Writes a part of what is uploaded: the bytes that begin at `at`, as many as `out` has. `out` may be write-combined
  // memory: write all of it, read none.
  using Fill = std::function<Status(uint64_t at, std::span<std::byte> out)>;

  // Each returns when the data is there. Host-visible targets are written and read in place.
  Status upload(std::span<const std::byte> data, const Buffer& to, uint64_t offset);
  // The same for data that is made piece by piece, in order, straight where the device reads it or in staging memory.
  // Pieces are as long as the staging memory, but for the last. An error of `fill` ends it.
  Status upload(uint64_t bytes, const Buffer& to, uint64_t offset, const Fill& fill);
  Status download(const Buffer& from, uint64_t offset, std::span<std::byte> out);

 private:
  Staging(DeviceState& state, CommandList commands, uint64_t bytes)
      : device_(state), commands_(std::move(commands)), bytes_(bytes) {}
  Status copy(const BufferRange& from, const BufferRange& to);

  DeviceUse device_;
  CommandList commands_;
  uint64_t bytes_;
  Buffer upload_, readback_;
};

}  // namespace nibble::gpu
