// The file of DeviceOptions::pipeline_cache: compiled pipelines and tuning of one or more devices.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::gpu {

// What is stored is good for exactly one device and driver.
struct CacheIdentity {
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0;
  std::array<uint8_t, 16> uuid{};
  bool operator==(const CacheIdentity&) const = default;
};

struct CacheRecord {
  enum class Kind : uint32_t {
    pipelines = 1,  // as vkGetPipelineCacheData gave it
    tuning = 2,     // text of the layer above
  };
  Kind kind = Kind::pipelines;
  CacheIdentity identity;
  uint64_t kernels = 0;  // tuning: hash of the kernels it was made for
  std::string data;
};

inline constexpr uint64_t kLargestCacheFile = 256u << 20;  // bytes; some hundred compute pipelines take some megabytes
inline constexpr size_t kMostCacheRecords = 32;

// File, little-endian: magic "NBLPIPE2"; u32 number of records; for each u32 kind, vendor, device, driver version; 16
// bytes UUID; u64 hash of the kernels; u64 length; u32 CRC-32C of these fields and the data; the data. Nothing behind
// the last. Drops the first records where there are more than kMostCacheRecords or more bytes than kLargestCacheFile.
std::string pack_cache_file(std::span<const CacheRecord> records);

// corrupt_file: says what is wrong and where. Kinds that are not known are passed over.
Result<std::vector<CacheRecord>> unpack_cache_file(const std::string& file);

// Puts a record in the place of the one of the same kind and identity, or behind the others.
void put_record(std::vector<CacheRecord>& records, CacheRecord record);

// "driver 42, this is driver 43": how the two differ.
std::string difference(const CacheIdentity& stored, const CacheIdentity& here);

}  // namespace nibble::gpu
