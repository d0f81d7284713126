#include "gpu/cache_file.h"

#include <algorithm>

#include "core/crc32c.h"
#include "core/text.h"

namespace nibble::gpu {
namespace {

constexpr char kMagic[] = "NBLPIPE2";
constexpr size_t kMagicBytes = 8;
constexpr size_t kHeaderBytes = kMagicBytes + 4;
constexpr size_t kUuidBytes = 16;
constexpr size_t kFieldBytes = 4 * 4 + kUuidBytes + 8 + 8;  // of a record, without its checksum
constexpr size_t kRecordBytes = kFieldBytes + 4;

void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255);
}

uint64_t get(const std::string& in, size_t offset, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(in[offset + static_cast<size_t>(i)])} << 8 * i;
  }
  return value;
}

uint32_t checksum(std::string_view fields, std::string_view data) {
  return crc32c(std::as_bytes(std::span(data)), crc32c(std::as_bytes(std::span(fields))));
}

Error damaged(size_t record, const char* what) { return {Code::corrupt_file, format("record %zu %s", record, what)}; }

}  // namespace

std::string pack_cache_file(std::span<const CacheRecord> records) {
  size_t first = records.size(), bytes = kHeaderBytes;
  while (first > 0 && records.size() - first < kMostCacheRecords) {
    bytes += kRecordBytes + records[first - 1].data.size();
    if (bytes > kLargestCacheFile) break;
    --first;
  }
  records = records.subspan(first);
  std::string out(kMagic, kMagicBytes);
  put(out, records.size(), 4);
  for (const CacheRecord& record : records) {
    std::string fields;
    put(fields, static_cast<uint32_t>(record.kind), 4);
    put(fields, record.identity.vendor_id, 4);
    put(fields, record.identity.device_id, 4);
    put(fields, record.identity.driver_version, 4);
    fields.append(reinterpret_cast<const char*>(record.identity.uuid.data()), kUuidBytes);
    put(fields, record.kernels, 8);
    put(fields, record.data.size(), 8);
    out += fields;
    put(out, checksum(fields, record.data), 4);
    out += record.data;
  }
  return out;
}

Result<std::vector<CacheRecord>> unpack_cache_file(const std::string& file) {
  if (file.size() < kHeaderBytes || file.compare(0, kMagicBytes - 1, kMagic, kMagicBytes - 1) != 0) {
    return Error{Code::corrupt_file, "this is no pipeline cache of nibble"};
  }
  if (file[kMagicBytes - 1] != kMagic[kMagicBytes - 1]) {
    return Error{Code::unsupported_version, "another version of nibble wrote it"};
  }
  const uint64_t count = get(file, kMagicBytes, 4);
  if (count > kMostCacheRecords) return Error{Code::corrupt_file, "it claims too many records"};
  std::vector<CacheRecord> records;
  size_t at = kHeaderBytes;
  for (size_t i = 0; i < count; ++i) {
    if (file.size() - at < kRecordBytes) return damaged(i, "is cut short");
    const uint64_t length = get(file, at + kFieldBytes - 8, 8);
    if (length > file.size() - at - kRecordBytes) return damaged(i, "is cut short");
    const std::string_view fields = std::string_view(file).substr(at, kFieldBytes);
    const std::string_view data = std::string_view(file).substr(at + kRecordBytes, length);
    if (checksum(fields, data) != get(file, at + kFieldBytes, 4)) return damaged(i, "has a wrong checksum");
    CacheRecord record;
    const uint64_t kind = get(file, at, 4);
    record.kind = static_cast<CacheRecord::Kind>(kind);
    record.identity.vendor_id = static_cast<uint32_t>(get(file, at + 4, 4));
    record.identity.device_id = static_cast<uint32_t>(get(file, at + 8, 4));
    record.identity.driver_version = static_cast<uint32_t>(get(file, at + 12, 4));
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at + 16), kUuidBytes, record.identity.uuid.begin());
    record.kernels = get(file, at + 16 + kUuidBytes, 8);
    record.data = data;
    at += kRecordBytes + length;
    if (kind == static_cast<uint64_t>(CacheRecord::Kind::pipelines) ||
        kind == static_cast<uint64_t>(CacheRecord::Kind::tuning)) {
      records.push_back(std::move(record));
    }
  }
  if (at != file.size()) return Error{Code::corrupt_file, "there is something behind its last record"};
  return records;
}

void put_record(std::vector<CacheRecord>& records, CacheRecord record) {
  std::erase_if(records,
                [&](const CacheRecord& old) { return old.kind == record.kind && old.identity == record.identity; });
  records.push_back(std::move(record));
}

std::string difference(const CacheIdentity& stored, const CacheIdentity& here) {
  if (stored.vendor_id != here.vendor_id || stored.device_id != here.device_id) {
    return format("device %04x:%04x, this is %04x:%04x", stored.vendor_id, stored.device_id, here.vendor_id,
                  here.device_id);
  }
  if (stored.driver_version != here.driver_version) {
    return format("driver version %u, this is %u", stored.driver_version, here.driver_version);
  }
  return "another build of this driver";
}

}  // namespace nibble::gpu
