#include <gtest/gtest.h>

#include "gpu/pipeline_cache.h"

namespace nibble::gpu {
namespace {

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

TEST(PipelineCacheFile, round_trip) {
  EXPECT_EQ(unpack_cache_file(identity(), pack_cache_file(identity(), vulkan_data())), vulkan_data());
}

TEST(PipelineCacheFile, every_prefix_and_every_flipped_bit_is_ignored) {
  const std::string file = pack_cache_file(identity(), vulkan_data());
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_EQ(unpack_cache_file(identity(), file.substr(0, length)), "") << length;
  }
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(unpack_cache_file(identity(), damaged), "") << bit;
  }
  EXPECT_EQ(unpack_cache_file(identity(), file + "x"), "");
}

TEST(PipelineCacheFile, another_device_or_driver_is_ignored) {
  const std::string file = pack_cache_file(identity(), vulkan_data());
  CacheIdentity other = identity();
  other.driver_version = 4;
  EXPECT_EQ(unpack_cache_file(other, file), "");
  other = identity();
  other.uuid[15] ^= 1;
  EXPECT_EQ(unpack_cache_file(other, file), "");
}

TEST(PipelineCacheFile, intact_files_with_a_foreign_vulkan_header_are_ignored) {
  const std::string data = vulkan_data();
  for (size_t byte : {0, 4, 8, 12, 16, 31}) {
    std::string foreign = data;
    foreign[byte] = static_cast<char>(foreign[byte] ^ 0x40);
    EXPECT_EQ(unpack_cache_file(identity(), pack_cache_file(identity(), foreign)), "") << byte;
  }
  EXPECT_EQ(unpack_cache_file(identity(), pack_cache_file(identity(), data.substr(0, 31))), "");
}

}  // namespace
}  // namespace nibble::gpu
