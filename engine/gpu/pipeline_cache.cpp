#include "gpu/pipeline_cache.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "gpu/platform.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

using Kind = CacheRecord::Kind;

uint32_t crc32c_of(const std::string& data) { return crc32c(std::as_bytes(std::span(data))); }

uint32_t word(const std::string& in, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(in[offset + i])} << 8 * i;
  return value;
}

// Vulkan specification, VkPipelineCacheHeaderVersionOne: u32 size, u32 version, u32 vendor, u32 device, 16 bytes UUID.
constexpr size_t kVulkanHeaderBytes = 32;

bool vulkan_header_fits(const CacheIdentity& identity, const std::string& data) {
  return data.size() >= kVulkanHeaderBytes && word(data, 0) >= kVulkanHeaderBytes && word(data, 0) <= data.size() &&
         word(data, 4) == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && word(data, 8) == identity.vendor_id &&
         word(data, 12) == identity.device_id &&
         std::memcmp(data.data() + 16, identity.uuid.data(), identity.uuid.size()) == 0;
}

}  // namespace

std::string stored_pipelines(const CacheIdentity& identity, const std::vector<CacheRecord>& records) {
  for (const CacheRecord& record : records) {
    if (record.kind != Kind::pipelines || record.identity != identity) continue;
    return vulkan_header_fits(identity, record.data) ? record.data : std::string();
  }
  return {};
}

StoredTuning stored_tuning(const CacheIdentity& identity, uint64_t kernels, const std::string& path,
                           const std::vector<CacheRecord>& records) {
  const CacheRecord* other = nullptr;
  for (const CacheRecord& record : records) {
    if (record.kind != Kind::tuning) continue;
    if (record.identity == identity && record.kernels == kernels) return {record.data, {}};
    // Of several, the one that is nearest: the same device with other kernels, then with another driver.
    const auto nearness = [&](const CacheRecord& r) {
      const CacheIdentity& id = r.identity;
      const bool same_device = id.vendor_id == identity.vendor_id && id.device_id == identity.device_id;
      return id == identity ? 2 : (same_device ? 1 : 0);
    };
    if (!other || nearness(record) > nearness(*other)) other = &record;
  }
  if (!other) return {};
  const std::string of =
      other->identity == identity ? "other kernels than this build's" : difference(other->identity, identity);
  return {{}, format("tuning of '%s' is for %s: using the untuned choice", path.c_str(), of.c_str())};
}

std::string PipelineCache::take_blob(std::string_view blob, uint64_t kernels) {
  auto records = unpack_cache_file(std::string(blob));
  if (!records) {
    blob_ignored_ = "the cache that the application gave is not used: " + records.error().message;
    return {};
  }
  std::string data;
  for (CacheRecord& record : *records) {
    std::string why;
    if (record.identity != identity_) {
      why = difference(record.identity, identity_);
    } else if (record.kernels != kernels) {
      why = "other kernels than this build's";
    } else if (record.kind == Kind::tuning) {
      put_record(tunings_, std::move(record));
    } else if (!vulkan_header_fits(identity_, record.data)) {
      why = "pipelines of another device or driver";
    } else {
      data = std::move(record.data);
    }
    if (!why.empty()) blob_ignored_ = "the cache that the application gave is not used: it is for " + why;
  }
  return data;
}

Result<std::string> PipelineCache::blob(uint64_t kernels) const {
  std::vector<CacheRecord> records;
  NBL_TRY(std::string data, pipelines());
  if (!data.empty()) put_record(records, {Kind::pipelines, identity_, kernels, std::move(data)});
  for (const CacheRecord& tuning : tunings_) {
    if (tuning.identity == identity_ && tuning.kernels == kernels) put_record(records, tuning);
  }
  if (new_tuning_) put_record(records, *new_tuning_);
  return pack_cache_file(records);
}

Result<PipelineCache> PipelineCache::create(const DeviceTable& vk, VkDevice device, const CacheIdentity& identity,
                                            const std::string& path, std::string_view blob, uint64_t kernels) {
  PipelineCache cache;
  cache.vk_ = &vk;
  cache.device_ = device;
  cache.identity_ = identity;
  cache.path_ = path;
  std::string data;
  if (!path.empty()) {
    const Result<std::string> file = read_file(path, kLargestCacheFile);
    if (file) {
      if (auto records = unpack_cache_file(*file)) {
        data = stored_pipelines(identity, *records);
        cache.tunings_ = std::move(*records);
        std::erase_if(cache.tunings_, [](const CacheRecord& record) { return record.kind != Kind::tuning; });
      } else {
        cache.ignored_ = format("pipeline cache '%s' is not used: %s", path.c_str(), records.error().message.c_str());
      }
    } else if (file.error().code != Code::not_found) {
      cache.ignored_ = "pipeline cache is not used: " + file.error().message;
    }
  }
  cache.saved_bytes_ = data.size();
  cache.saved_crc_ = crc32c_of(data);
  if (!blob.empty()) {
    if (std::string given = cache.take_blob(blob, kernels); !given.empty()) data = std::move(given);
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
  cache.loaded_bytes_ = cache.given_bytes_ = data.size();
  cache.given_crc_ = crc32c_of(data);
  return cache;
}

void PipelineCache::destroy() {
  if (handle_) vk_->vkDestroyPipelineCache(device_, handle_, nullptr);
  handle_ = VK_NULL_HANDLE;
}

StoredTuning PipelineCache::tuning(uint64_t kernels) const {
  StoredTuning found = stored_tuning(identity_, kernels, path_, tunings_);
  if (!ignored_.empty()) found.ignored = ignored_;  // of the file: what the application gave counts all the same
  return found;
}

void PipelineCache::set_tuning(uint64_t kernels, std::string text, MergeTuning merge) {
  new_tuning_ = CacheRecord{Kind::tuning, identity_, kernels, std::move(text)};
  merge_ = std::move(merge);
}

Result<std::string> PipelineCache::pipelines() const {
  size_t bytes = 0;
  NBL_VK(vk_->vkGetPipelineCacheData(device_, handle_, &bytes, nullptr), "reading the pipeline cache");
  std::string data(bytes, '\0');
  NBL_VK(vk_->vkGetPipelineCacheData(device_, handle_, &bytes, data.data()), "reading the pipeline cache");
  data.resize(bytes);
  // SwiftShader answers with a header and, behind it, all that it was given, header included: what is kept would grow
  // at every start without holding more.
  const bool only_wrapped = given_bytes_ > 0 && data.size() == given_bytes_ + kVulkanHeaderBytes &&
                            crc32c_of(data.substr(kVulkanHeaderBytes)) == given_crc_;
  if (only_wrapped) data.erase(0, kVulkanHeaderBytes);
  return data;
}

Result<std::string> PipelineCache::pipelines_to_save() const {
  NBL_TRY(std::string data, pipelines());
  if (data.size() == saved_bytes_ && crc32c_of(data) == saved_crc_) data.clear();
  return data;
}

Status PipelineCache::save() {
  if (path_.empty() || !handle_) return {};
  NBL_TRY(std::string data, pipelines_to_save());
  if (data.empty() && !new_tuning_) return {};
  // What another program writes between this reading and this writing would be lost.
  const FolderLock lock(path_);
  std::vector<CacheRecord> records;
  if (const auto file = read_file(path_, kLargestCacheFile)) {
    if (auto stored = unpack_cache_file(*file)) records = std::move(*stored);
  }
  const uint64_t bytes = data.size();
  const uint32_t crc = crc32c_of(data);
  if (bytes > 0) put_record(records, {Kind::pipelines, identity_, 0, std::move(data)});
  if (new_tuning_) {
    const StoredTuning since = stored_tuning(identity_, new_tuning_->kernels, path_, records);
    if (merge_ && !since.text.empty()) new_tuning_->data = merge_(since.text, new_tuning_->data);
    put_record(records, *new_tuning_);
  }
  NBL_CHECK(write_file_atomically(path_, pack_cache_file(records)));
  if (bytes > 0) {
    saved_bytes_ = bytes;
    saved_crc_ = crc;
  }
  if (new_tuning_) put_record(tunings_, std::move(*new_tuning_));  // blob() tells of it too
  new_tuning_.reset();
  return {};
}

}  // namespace nibble::gpu
