// Models that come from a file: what stays of it in memory.
#include <cstdio>
#include <fstream>
#include <optional>

#include "format/writer.h"
#include "networks.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

// kB that this process holds in memory, where the system says: "RssFile:" of files, "VmRSS:" altogether.
std::optional<long> resident_kb(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(what, 0) == 0) return std::stol(line.substr(what.size()));
  }
  return std::nullopt;
}

TEST_F(SessionTest, the_pages_of_a_file_are_let_go_of_once_its_weights_are_uploaded) {
  constexpr int64_t kChannels = 3000;
  constexpr long kFileKb = kChannels * kChannels * 4 / 1024;
  const std::string path = testing::TempDir() + "/nibble_session_memory_test.nbl";
  const auto written = write_model(wide_network(kChannels), path);
  ASSERT_TRUE(written) << written.error().message;
  Session warm = session(model(residual_network()));  // the driver's own files
  const auto before = resident_kb("RssFile:");
  auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  Session s = session(*loaded);
  EXPECT_GE(s.memory().weights, uint64_t{kFileKb} * 1024);
  if (before) {
    EXPECT_LT(*resident_kb("RssFile:") - *before, kFileKb / 2);
  }
  const std::vector<float> in = some_values(kChannels, 6);
  ASSERT_TRUE(s.write("", std::span<const float>(in)));
  ASSERT_TRUE(s.run());
  Session second = Session::create(Device::create().value(), *loaded).value();  // reads the weights once more
  ASSERT_TRUE(second.write("", std::span<const float>(in)));
  ASSERT_TRUE(second.run());
  std::vector<float> a(kChannels), b(kChannels);
  ASSERT_TRUE(s.read("wide", std::span<float>(a)));
  ASSERT_TRUE(second.read("wide", std::span<float>(b)));
  EXPECT_EQ(a, b);
  std::remove(path.c_str());
}

// Expanded constants are let go of too, and expanded again for a second device.
TEST_F(SessionTest, expanded_weights_are_let_go_of_once_they_are_uploaded) {
  constexpr int64_t kChannels = 3000;
  constexpr long kDataKb = kChannels * kChannels * 4 / 1024;
  const std::string path = testing::TempDir() + "/nibble_session_expanded_test.nbl";
  // What does not get shorter is stored as it is: as good a section ZDAT as any, and quick to make.
  const WriteOptions stored{[](std::span<const std::byte> bytes) -> Result<std::vector<std::byte>> {
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }};
  ASSERT_TRUE(write_model(wide_network(kChannels), path, stored));
  const Model plain = model(wide_network(kChannels));
  const std::vector<float> in = some_values(kChannels, 6);
  const auto result = [&](Session& s) {
    EXPECT_TRUE(s.write("", std::span<const float>(in)));
    EXPECT_TRUE(s.run());
    std::vector<float> out(kChannels);
    EXPECT_TRUE(s.read("wide", std::span<float>(out)));
    return out;
  };
  Session warm = session(plain);
  const std::vector<float> expected = result(warm);
  const auto before = resident_kb("VmRSS:");
  auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  Session s = session(*loaded);
  EXPECT_EQ(result(s), expected);
  if (before) {
    EXPECT_LT(*resident_kb("VmRSS:") - *before, kDataKb * 3 / 2);  // on the device, which may be this process
  }
  Session second = Session::create(Device::create().value(), *loaded).value();
  EXPECT_EQ(result(second), expected);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace nibble::test
