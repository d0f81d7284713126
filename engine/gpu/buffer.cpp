#include "gpu/buffer.h"

#include <cstring>

#include "core/text.h"
#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

unsigned long long ull(uint64_t value) { return value; }

}  // namespace

Result<Buffer> Buffer::create(const Device& device, uint64_t bytes, BufferPurpose purpose, const char* name) {
  return create(device.state(), bytes, purpose, name);
}

Result<Buffer> Buffer::create(DeviceState& state, uint64_t bytes, BufferPurpose purpose, const char* name) {
  if (bytes == 0) return Error{Code::invalid_argument, format("buffer '%s' has no bytes", name)};
  if (bytes > state.caps.max_allocation) {
    return Error{Code::out_of_memory, format("buffer '%s' wants %llu bytes, device '%s' allows %llu", name, ull(bytes),
                                             state.caps.device_name.c_str(), ull(state.caps.max_allocation))};
  }
  Buffer buffer;
  buffer.device_ = DeviceUse(state);
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  NBL_VK(state.vk.vkCreateBuffer(state.device, &info, nullptr, &buffer.handle_),
         format("creating buffer '%s' of %llu bytes", name, ull(bytes)));
  buffer.bytes_ = bytes;
  state.set_name(VK_OBJECT_TYPE_BUFFER, buffer.handle_, name);
  VkMemoryRequirements needs{};
  state.vk.vkGetBufferMemoryRequirements(state.device, buffer.handle_, &needs);
  NBL_TRY(buffer.memory_, Allocation::create(state, needs, purpose, name));
  state.set_name(VK_OBJECT_TYPE_DEVICE_MEMORY, buffer.memory_.handle(), name);
  NBL_VK(state.vk.vkBindBufferMemory(state.device, buffer.handle_, buffer.memory_.handle(), 0),
         format("binding memory of buffer '%s'", name));
  return buffer;
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(bytes_, other.bytes_);
  std::swap(memory_, other.memory_);
  return *this;
}

Buffer::~Buffer() {
  if (handle_) device_->vk.vkDestroyBuffer(device_->device, handle_, nullptr);
}

Status Buffer::check(const char* what, uint64_t offset, uint64_t bytes) const {
  if (!mapped()) return Error{Code::invalid_argument, format("%s a buffer that the host cannot see", what)};
  if (offset <= bytes_ && bytes <= bytes_ - offset) return {};
  return Error{Code::invalid_argument, format("%s %llu bytes at offset %llu of a buffer of %llu bytes", what,
                                              ull(bytes), ull(offset), ull(bytes_))};
}

Status Buffer::write(uint64_t offset, std::span<const std::byte> data) const {
  NBL_CHECK(check("writing", offset, data.size()));
  if (data.empty()) return {};
  std::memcpy(mapped() + offset, data.data(), data.size());
  return flush(offset, data.size());
}

Status Buffer::read(uint64_t offset, std::span<std::byte> out) const {
  NBL_CHECK(invalidate(offset, out.size()));
  if (!out.empty()) std::memcpy(out.data(), mapped() + offset, out.size());
  return {};
}

Status Buffer::flush(uint64_t offset, uint64_t bytes) const {
  NBL_CHECK(check("flushing", offset, bytes));
  device_->uploaded_bytes += bytes;
  return memory_.flush(offset, bytes);
}

Status Buffer::invalidate(uint64_t offset, uint64_t bytes) const {
  NBL_CHECK(check("reading", offset, bytes));
  return memory_.invalidate(offset, bytes);
}

}  // namespace nibble::gpu
