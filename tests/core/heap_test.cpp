#include "core/heap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace nibble {
namespace {

// kB of the process that belong to no file; -1 where the system does not say.
long own_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(heap, gives_back_what_a_thread_that_is_gone_has_freed) {
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "not the C library's own heap";
#endif
  if (own_kb() < 0) GTEST_SKIP() << "the system does not say";
  constexpr size_t kPieces = 64 * 1024;
  std::unique_ptr<char[]> kept;
  std::thread([&] {
    std::vector<std::unique_ptr<char[]>> pieces;
    for (size_t i = 0; i < kPieces; ++i) pieces.push_back(std::make_unique<char[]>(1000));
    kept = std::move(pieces.back());  // above all others, so that the heap cannot shrink from its end
  }).join();
  const long before = own_kb();
  trim_heap();
  EXPECT_LT(own_kb(), before - static_cast<long>(kPieces) / 2);
}

}  // namespace
}  // namespace nibble
