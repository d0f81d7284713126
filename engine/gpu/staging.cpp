#include "gpu/staging.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"
#include "core/try.h"

namespace nibble::gpu {
namespace {

Status check(const char* what, uint64_t bytes, uint64_t offset, const Buffer& buffer) {
  if (offset <= buffer.bytes() && bytes <= buffer.bytes() - offset) return {};
  return Error{
      Code::invalid_argument,
      format("%s %llu bytes at offset %llu of a buffer of %llu bytes", what, static_cast<unsigned long long>(bytes),
             static_cast<unsigned long long>(offset), static_cast<unsigned long long>(buffer.bytes()))};
}

}  // namespace

Result<Staging> Staging::create(const Device& device, uint64_t bytes) {
  if (bytes == 0) return Error{Code::invalid_argument, "staging memory has no bytes"};
  NBL_TRY(CommandList commands, CommandList::create(device, "staging"));
  return Staging(device.state(), std::move(commands), bytes);
}

Status Staging::copy(const BufferRange& from, const BufferRange& to) {
  NBL_CHECK(commands_.begin());
  commands_.copy(from, to);
  commands_.barrier(transfer, compute | transfer | host);
  NBL_CHECK(commands_.finish());
  NBL_CHECK(commands_.submit());
  NBL_TRY([[maybe_unused]] const bool done, commands_.wait(UINT64_MAX));
  return {};
}

Status Staging::upload(std::span<const std::byte> data, const Buffer& to, uint64_t offset) {
  return upload(data.size(), to, offset, [&](uint64_t at, std::span<std::byte> out) {
    std::memcpy(out.data(), data.data() + at, out.size());
    return Status{};
  });
}

Status Staging::upload(uint64_t bytes, const Buffer& to, uint64_t offset, const Fill& fill) {
  NBL_CHECK(check("uploading", bytes, offset, to));
  if (!to.mapped() && !upload_ && bytes > 0) {
    NBL_TRY(upload_, Buffer::create(*device_, bytes_, BufferPurpose::upload, "staging upload"));
  }
  const Buffer& written = to.mapped() ? to : upload_;
  for (uint64_t done = 0; done < bytes; done += bytes_) {
    const uint64_t piece = std::min<uint64_t>(bytes_, bytes - done);
    const uint64_t at = to.mapped() ? offset + done : 0;
    NBL_CHECK(fill(done, {written.mapped() + at, static_cast<size_t>(piece)}));
    NBL_CHECK(written.flush(at, piece));
    if (!to.mapped()) NBL_CHECK(copy(upload_.range(0, piece), to.range(offset + done, piece)));
  }
  return {};
}

Status Staging::download(const Buffer& from, uint64_t offset, std::span<std::byte> out) {
  NBL_CHECK(check("downloading", out.size(), offset, from));
  if (from.mapped()) return from.read(offset, out);
  if (!readback_) {
    NBL_TRY(readback_, Buffer::create(*device_, bytes_, BufferPurpose::readback, "staging readback"));
  }
  for (uint64_t done = 0; done < out.size(); done += bytes_) {
    const uint64_t piece = std::min<uint64_t>(bytes_, out.size() - done);
    NBL_CHECK(copy(from.range(offset + done, piece), readback_.range(0, piece)));
    NBL_CHECK(readback_.read(0, out.subspan(done, piece)));
  }
  return {};
}

}  // namespace nibble::gpu
