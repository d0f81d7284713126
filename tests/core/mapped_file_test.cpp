#include "core/mapped_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace nibble {
namespace {

// kB of files that the process holds in memory; -1 where the system does not say.
long resident_file_kb() {
#if defined(_WIN32)
  return -1;  // the file is read there, and wine shows a /proc
#endif
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssFile:", 0) == 0) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(mapped_file, keeps_its_bytes_when_parts_are_released) {
  constexpr size_t kBytes = (32u << 20) + 100;
  const auto path = (std::filesystem::path(testing::TempDir()) / "nibble_mapped_file_test.bin").string();
  {
    std::ofstream out(path, std::ios::binary);
    for (size_t i = 0; i < kBytes; ++i) out.put(static_cast<char>(i * 7 >> 3));
  }
  const auto file = MappedFile::open(path).value();
  std::filesystem::remove(path);
  const auto check = [&] {
    for (size_t i = 0; i < kBytes; ++i) {
      if (file->bytes()[i] != static_cast<std::byte>(i * 7 >> 3)) return i;
    }
    return kBytes;
  };
  EXPECT_EQ(check(), kBytes);
  const long full = resident_file_kb();
  file->release(file->bytes());
  if (full >= 0) {
    EXPECT_LT(resident_file_kb(), full - long{kBytes >> 10} / 2);
  }
  EXPECT_EQ(check(), kBytes);
  file->release(file->bytes().subspan(4097, 12345));
  file->release(file->bytes().last(50));
  EXPECT_EQ(check(), kBytes);
}

TEST(mapped_file, leaves_memory_alone_that_is_not_its_own) {
  const auto path = (std::filesystem::path(testing::TempDir()) / "nibble_mapped_file_test2.bin").string();
  std::ofstream(path, std::ios::binary) << "some bytes";
  const auto file = MappedFile::open(path).value();
  const std::vector<std::byte> own(1 << 20, std::byte{7});
  file->release(own);
  file->release({});
  EXPECT_EQ(own, std::vector<std::byte>(1 << 20, std::byte{7}));
  EXPECT_EQ(file->bytes()[0], std::byte{'s'});
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace nibble
