#include "gpu/pipeline_cache.h"

#include <cstring>
#include <span>

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/try.h"
#include "gpu/platform.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

constexpr char kMagic[] = "NBLPIPE1";
constexpr size_t kMagicBytes = 8;
constexpr size_t kHeaderBytes = kMagicBytes + 3 * 4 + 16 + 8 + 4;
constexpr uint64_t kLargestFile = 256u << 20;  // bytes; a few hundred small compute pipelines take some megabytes

uint32_t crc32c_of(const std::string& data) { return crc32c(std::as_bytes(std::span(data))); }

void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255);
}

uint64_t get(const std::string& in, size_t offset, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= uint64_t{static_cast<unsigned char>(in[offset + static_cast<size_t>(i)])} << 8 * i;
  return value;
}

// Vulkan specification, VkPipelineCacheHeaderVersionOne: u32 size, u32 version, u32 vendor, u32 device, 16 bytes UUID.
constexpr size_t kVulkanHeaderBytes = 32;

bool vulkan_header_fits(const CacheIdentity& identity, const std::string& data) {
  return data.size() >= kVulkanHeaderBytes && get(data, 0, 4) >= kVulkanHeaderBytes && get(data, 0, 4) <= data.size() &&
         get(data, 4, 4) == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && get(data, 8, 4) == identity.vendor_id &&
         get(data, 12, 4) == identity.device_id &&
         std::memcmp(data.data() + 16, identity.uuid.data(), identity.uuid.size()) == 0;
}

}  // namespace

std::string pack_cache_file(const CacheIdentity& identity, const std::string& data) {
  std::string out(kMagic, kMagicBytes);
  put(out, identity.vendor_id, 4);
  put(out, identity.device_id, 4);
  put(out, identity.driver_version, 4);
  out.append(reinterpret_cast<const char*>(identity.uuid.data()), identity.uuid.size());
  put(out, data.size(), 8);
  put(out, crc32c_of(data), 4);
  return out + data;
}

std::string unpack_cache_file(const CacheIdentity& identity, const std::string& file) {
  if (file.size() < kHeaderBytes || file.compare(0, kMagicBytes, kMagic, kMagicBytes) != 0) return {};
  std::string data = file.substr(kHeaderBytes);
  // Packing the same data again must give the same header; that compares identity, length and checksum at once.
  if (pack_cache_file(identity, data).compare(0, kHeaderBytes, file, 0, kHeaderBytes) != 0) return {};
  if (!vulkan_header_fits(identity, data)) return {};
  return data;
}

Result<PipelineCache> PipelineCache::create(const DeviceTable& vk, VkDevice device, const CacheIdentity& identity,
                                            const std::string& path) {
  PipelineCache cache;
  cache.vk_ = &vk;
  cache.device_ = device;
  cache.identity_ = identity;
  cache.path_ = path;
  std::string data;
  if (!path.empty()) {
    if (auto file = read_file(path, kLargestFile)) data = unpack_cache_file(identity, *file);
  }
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  VkResult made = vk.vkCreatePipelineCache(device, &info, nullptr, &cache.handle_);
  if (made < 0 && !data.empty()) {  // a driver may still refuse what looked right
    data.clear();
    info.initialDataSize = 0;
    made = vk.vkCreatePipelineCache(device, &info, nullptr, &cache.handle_);
  }
  NBL_VK(made, "creating the pipeline cache");
  cache.saved_bytes_ = data.size();
  cache.saved_crc_ = crc32c_of(data);
  return cache;
}

void PipelineCache::destroy() {
  if (handle_) vk_->vkDestroyPipelineCache(device_, handle_, nullptr);
  handle_ = VK_NULL_HANDLE;
}

Status PipelineCache::save() {
  if (path_.empty() || !handle_) return {};
  size_t bytes = 0;
  NBL_VK(vk_->vkGetPipelineCacheData(device_, handle_, &bytes, nullptr), "reading the pipeline cache");
  std::string data(bytes, '\0');
  NBL_VK(vk_->vkGetPipelineCacheData(device_, handle_, &bytes, data.data()), "reading the pipeline cache");
  data.resize(bytes);
  const uint32_t crc = crc32c_of(data);
  if (data.size() == saved_bytes_ && crc == saved_crc_) return {};
  // SwiftShader answers with a header and, behind it, all that it was given, header included: the file would grow at
  // every start without holding more.
  const bool only_wrapped = saved_bytes_ > 0 && data.size() == saved_bytes_ + kVulkanHeaderBytes &&
                            crc32c_of(data.substr(kVulkanHeaderBytes)) == saved_crc_;
  if (only_wrapped) return {};
  NBL_CHECK(write_file_atomically(path_, pack_cache_file(identity_, data)));
  saved_bytes_ = data.size();
  saved_crc_ = crc;
  return {};
}

}  // namespace nibble::gpu
