// Models that come from a file: what stays of it in memory.
#include <cstdio>
#include <fstream>

#include "format/writer.h"
#include "networks.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

// kB of files that this process holds in memory, where the system says.
std::optional<long> resident_file_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssFile:", 0) == 0) return std::stol(line.substr(8));
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
  const auto before = resident_file_kb();
  auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  Session s = session(*loaded);
  EXPECT_GE(s.memory().weights, uint64_t{kFileKb} * 1024);
  if (before) {
    EXPECT_LT(*resident_file_kb() - *before, kFileKb / 2);
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

}  // namespace
}  // namespace nibble::test
