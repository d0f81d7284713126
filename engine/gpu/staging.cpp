#include "gpu/staging.h"

#include <algorithm>

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
  NBL_CHECK(check("uploading", data.size(), offset, to));
  if (to.mapped()) return to.write(offset, data);
  if (!upload_) {
    NBL_TRY(upload_, Buffer::create(*device_, bytes_, BufferPurpose::upload, "staging upload"));
  }
  for (uint64_t done = 0; done < data.size(); done += bytes_) {
    const uint64_t piece = std::min<uint64_t>(bytes_, data.size() - done);
    NBL_CHECK(upload_.write(0, data.subspan(done, piece)));
    NBL_CHECK(copy(upload_.range(0, piece), to.range(offset + done, piece)));
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
