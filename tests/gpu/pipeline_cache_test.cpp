#include "gpu/pipeline_cache.h"

#include <filesystem>
#include <fstream>

#include "gpu/platform.h"
#include "gpu_fixture.h"

namespace nibble::gpu {
namespace {

class CacheOnDisk : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Makes a device with the cache file, compiles, and lets both go.
  void compile() {
    auto device = Device::create({.pipeline_cache_path = path_});
    ASSERT_TRUE(device) << device.error().message;
    const auto pipeline = make_scale(*device, 1);
    ASSERT_TRUE(pipeline) << pipeline.error().message;
  }
  std::string content() { return read_file(path_, 1 << 28).value(); }
  void overwrite(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::string folder_ = [] {
    std::string folder = testing::TempDir() + "nibble_cache_XXXXXX";
    return std::string(mkdtemp(folder.data()));
  }();
  std::string path_ = folder_ + "/pipelines.bin";
};

TEST_F(CacheOnDisk, is_written_once_and_alone) {
  compile();
  const std::string first = content();
  EXPECT_EQ(first.substr(0, 8), "NBLPIPE2");
  const auto written = std::filesystem::last_write_time(path_);
  compile();
  EXPECT_EQ(std::filesystem::last_write_time(path_), written) << "nothing new, nothing to write";
  const auto entries = std::filesystem::directory_iterator(folder_);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "no temporary file stays";
}

TEST_F(CacheOnDisk, a_second_start_loads_what_the_first_has_compiled) {
  compile();
  const auto records = unpack_cache_file(content());
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 1u);
  auto device = Device::create({.pipeline_cache_path = path_});
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_EQ(device->pipeline_cache_bytes_loaded(), records->front().data.size());
  EXPECT_GT(device->pipeline_cache_bytes_loaded(), 0u);
  EXPECT_TRUE(make_scale(*device, 1));
  auto without = Device::create({});
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_EQ(without->pipeline_cache_bytes_loaded(), 0u);
}

TEST_F(CacheOnDisk, what_the_application_gave_is_written_to_a_file_that_lacks_it) {
  std::string blob;
  {
    auto device = Device::create({});
    ASSERT_TRUE(device) << device.error().message;
    ASSERT_TRUE(make_scale(*device, 1));
    blob = device->cache_blob(0).value();
  }
  {
    DeviceOptions options;
    options.pipeline_cache_path = path_;
    options.cache_blob = blob;
    auto device = Device::create(options);
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_EQ(device->cache_blob_ignored(), "");
    EXPECT_GT(device->pipeline_cache_bytes_loaded(), 0u);
  }
  const auto records = unpack_cache_file(content());
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->size(), 1u);
}

TEST_F(CacheOnDisk, tuning_lies_beside_the_pipelines_and_what_others_wrote_stays) {
  compile();
  CacheIdentity other{1, 2, 3, {}};
  auto device = Device::create({.pipeline_cache_path = path_});
  ASSERT_TRUE(device) << device.error().message;
  // Another program writes while this device is open.
  auto records = unpack_cache_file(content());
  ASSERT_TRUE(records);
  put_record(*records, {CacheRecord::Kind::tuning, other, 9, "of another device"});
  overwrite(pack_cache_file(*records));
  device->store_tuning(5, "of this one");
  const auto saved = device->save_pipeline_cache();
  ASSERT_TRUE(saved) << saved.error().message;
  records = unpack_cache_file(content());
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->size(), 3u);
  EXPECT_EQ(stored_tuning(other, 9, path_, *records).text, "of another device");

  auto again = Device::create({.pipeline_cache_path = path_});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->stored_tuning(5).text, "of this one");
  EXPECT_NE(again->stored_tuning(6).ignored.find(path_), std::string::npos);
}

TEST_F(CacheOnDisk, says_that_a_damaged_file_is_not_used) {
  overwrite("text");
  auto device = Device::create({.pipeline_cache_path = path_});
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_NE(device->stored_tuning(5).ignored.find("this is no pipeline cache"), std::string::npos);
  EXPECT_EQ(device->stored_tuning(5).text, "");
}

TEST_F(CacheOnDisk, damaged_files_are_ignored_and_replaced) {
  compile();
  const std::string good = content();
  for (const std::string& bad : {std::string(), std::string("text"), good.substr(0, good.size() / 2), good + "tail",
                                 std::string(good.size(), '\xff')}) {
    overwrite(bad);
    compile();
    EXPECT_EQ(content().substr(0, 8), "NBLPIPE2");
  }
  std::string flipped = good;
  flipped[flipped.size() - 1] = static_cast<char>(flipped.back() ^ 1);
  overwrite(flipped);
  compile();
  EXPECT_NE(content(), flipped);
}

TEST_F(CacheOnDisk, an_unwritable_place_is_an_error_of_save_only) {
  path_ = folder_ + "/no/such/folder/pipelines.bin";
  auto device = Device::create({.pipeline_cache_path = path_});
  ASSERT_TRUE(device) << device.error().message;
  ASSERT_TRUE(make_scale(*device, 1));
  const auto saved = device->save_pipeline_cache();
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().message.find(path_), std::string::npos) << saved.error().message;
}

}  // namespace
}  // namespace nibble::gpu
