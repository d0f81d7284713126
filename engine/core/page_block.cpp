#include "core/page_block.h"

#include <cstring>
#include <new>
#include <utility>

#include "core/text.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define NBL_HAS_MMAP 1
#endif

namespace nibble {
namespace {

#if !defined(NBL_HAS_MMAP)
constexpr std::align_val_t kAlignment{256};
#endif

}  // namespace

Result<PageBlock> PageBlock::allocate(uint64_t bytes) {
  PageBlock out;
  if (bytes == 0) return out;
  const Error error{Code::out_of_memory, format("no memory for %llu bytes", static_cast<unsigned long long>(bytes))};
  if (bytes > SIZE_MAX / 2) return error;
  const auto size = static_cast<size_t>(bytes);
#if defined(NBL_HAS_MMAP)
  void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return error;
#else
  void* const at = ::operator new(size, kAlignment, std::nothrow);
  if (!at) return error;
  std::memset(at, 0, size);
#endif
  out.bytes_ = {static_cast<std::byte*>(at), size};
  return out;
}

PageBlock::PageBlock(PageBlock&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

PageBlock& PageBlock::operator=(PageBlock&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

PageBlock::~PageBlock() {
  if (bytes_.empty()) return;
#if defined(NBL_HAS_MMAP)
  ::munmap(bytes_.data(), bytes_.size());
#else
  ::operator delete(bytes_.data(), kAlignment);
#endif
}

void PageBlock::drop([[maybe_unused]] std::span<const std::byte> part) const {
#if defined(NBL_HAS_MMAP)
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<uintptr_t>(part.data()), end = from + part.size();
  const uintptr_t first = (from + page - 1) / page * page, last = end / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#endif
}

}  // namespace nibble
