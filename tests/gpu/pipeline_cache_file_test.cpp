#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "gpu/pipeline_cache.h"
#include "gpu/platform.h"

namespace nibble::gpu {
namespace {

using Kind = CacheRecord::Kind;

CacheIdentity identity() {
  CacheIdentity id{1, 2, 3, {}};
  for (size_t i = 0; i < id.uuid.size(); ++i) id.uuid[i] = static_cast<uint8_t>(i * 17);
  return id;
}

// Data that begins with the header that Vulkan prescribes.
std::string vulkan_data() {
  const CacheIdentity id = identity();
  std::string data;
  for (uint32_t word : {32u, 1u, id.vendor_id, id.device_id}) {
    for (int i = 0; i < 4; ++i) data += static_cast<char>(word >> 8 * i);
  }
  data.append(reinterpret_cast<const char*>(id.uuid.data()), id.uuid.size());
  return data + "compiled shaders";
}

std::vector<CacheRecord> sample() {
  CacheIdentity other = identity();
  other.driver_version = 4;
  return {{Kind::pipelines, identity(), 0, vulkan_data()},
          {Kind::tuning, identity(), 77, "text"},
          {Kind::tuning, other, 78, ""}};
}

TEST(PipelineCacheFile, round_trip) {
  const auto records = unpack_cache_file(pack_cache_file(sample()));
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ(stored_pipelines(identity(), *records), vulkan_data());
  EXPECT_EQ(stored_tuning(identity(), 77, "f", *records).text, "text");
  EXPECT_EQ(stored_tuning(identity(), 77, "f", *records).ignored, "");
  EXPECT_EQ(unpack_cache_file(pack_cache_file({}))->size(), 0u);
}

TEST(PipelineCacheFile, every_prefix_and_every_flipped_bit_is_refused) {
  const std::string file = pack_cache_file(sample());
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(unpack_cache_file(file.substr(0, length))) << length;
  }
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(unpack_cache_file(damaged)) << bit;
  }
  EXPECT_FALSE(unpack_cache_file(file + "x"));
}

TEST(PipelineCacheFile, says_what_is_wrong) {
  const std::string file = pack_cache_file(sample());
  const auto message = [](const std::string& text) { return unpack_cache_file(text).error().message; };
  EXPECT_NE(message("something else").find("no pipeline cache"), std::string::npos);
  EXPECT_NE(message("NBLPIPE1" + file.substr(8)).find("another version"), std::string::npos);
  EXPECT_NE(message(file.substr(0, file.size() - 1)).find("record 2 is cut short"), std::string::npos);
  EXPECT_NE(message("NBLPIPE2\xff\xff\xff\xff").find("too many"), std::string::npos);
}

TEST(PipelineCacheFile, another_device_or_driver_is_ignored_and_named) {
  const std::vector<CacheRecord> records = sample();
  CacheIdentity other = identity();
  other.driver_version = 5;
  EXPECT_EQ(stored_pipelines(other, records), "");
  const StoredTuning driver = stored_tuning(other, 77, "cache.bin", records);
  EXPECT_EQ(driver.text, "");
  EXPECT_EQ(driver.ignored, "tuning of 'cache.bin' is for driver version 3, this is 5: using the untuned choice");
  other = identity();
  other.device_id = 0xabc;
  EXPECT_NE(stored_tuning(other, 77, "f", records).ignored.find("device 0001:0002, this is 0001:0abc"),
            std::string::npos);
  other = identity();
  other.uuid[15] ^= 1;
  EXPECT_EQ(stored_pipelines(other, records), "");
  EXPECT_NE(stored_tuning(other, 77, "f", records).ignored.find("another build"), std::string::npos);
  const StoredTuning kernels = stored_tuning(identity(), 76, "f", records);
  EXPECT_EQ(kernels.text, "");
  EXPECT_NE(kernels.ignored.find("other kernels"), std::string::npos);
  EXPECT_EQ(stored_tuning(identity(), 1, "f", {records[0]}).ignored, "") << "there is no tuning to ignore";
}

TEST(PipelineCacheFile, intact_files_with_a_foreign_vulkan_header_are_ignored) {
  const std::string data = vulkan_data();
  for (size_t byte : {0, 4, 8, 12, 16, 31}) {
    std::string foreign = data;
    foreign[byte] = static_cast<char>(foreign[byte] ^ 0x40);
    EXPECT_EQ(stored_pipelines(identity(), {{Kind::pipelines, identity(), 0, foreign}}), "") << byte;
  }
  EXPECT_EQ(stored_pipelines(identity(), {{Kind::pipelines, identity(), 0, data.substr(0, 31)}}), "");
}

TEST(PipelineCacheFile, records_replace_their_like_and_the_oldest_go_first) {
  std::vector<CacheRecord> records = sample();
  put_record(records, {Kind::tuning, identity(), 90, "newer"});
  EXPECT_EQ(records.size(), 3u);
  EXPECT_EQ(stored_tuning(identity(), 90, "f", records).text, "newer");
  for (uint32_t i = 0; i < kMostCacheRecords; ++i) {
    CacheIdentity id = identity();
    id.device_id = 100 + i;
    put_record(records, {Kind::tuning, id, 1, "x"});
  }
  const auto kept = unpack_cache_file(pack_cache_file(records));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->size(), kMostCacheRecords);
  EXPECT_EQ(kept->back().identity.device_id, 100 + kMostCacheRecords - 1);
}

// A folder that no other program locks; it goes away.
struct LockedFolder {
  LockedFolder() {
    path = ::testing::TempDir() + "folder_lock_" + std::to_string(std::random_device()());
    std::filesystem::create_directory(path);
  }
  ~LockedFolder() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/cache.bin"; }
  std::string path;
};

TEST(FolderLock, is_held_by_one_at_a_time) {
#if defined(_WIN32)
  GTEST_SKIP() << "there is none on Windows";
#endif
  const LockedFolder folder;
  const std::string file = folder.file();
  std::optional<FolderLock> first(std::in_place, file);
  ASSERT_TRUE(first->taken());
  EXPECT_FALSE(FolderLock(file, std::chrono::milliseconds(20)).taken());
  first.reset();
  EXPECT_TRUE(FolderLock(file, std::chrono::milliseconds(0)).taken());
}

TEST(FolderLock, waits_for_the_other) {
#if defined(_WIN32)
  GTEST_SKIP() << "there is none on Windows";
#endif
  const LockedFolder folder;
  const std::string file = folder.file();
  std::optional<FolderLock> first(std::in_place, file);
  ASSERT_TRUE(first->taken());
  std::atomic<bool> released{false};
  bool taken = false, after = false;
  std::thread other([&] {
    const FolderLock lock(file, std::chrono::seconds(20));
    taken = lock.taken();
    after = released;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  released = true;
  first.reset();
  other.join();
  EXPECT_TRUE(taken);
  EXPECT_TRUE(after);
}

TEST(FolderLock, does_without_where_there_is_no_folder) {
  EXPECT_FALSE(FolderLock("/no/such/folder/cache.bin").taken());
}

}  // namespace
}  // namespace nibble::gpu
