#include "core/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>

#include "core/text.h"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#define NBL_HAS_MMAP 1
#endif

namespace nibble {
namespace {

Error cannot_read(const std::string& path, const char* why) {
  return Error{Code::io, format("%s: cannot be read: %s", path.c_str(), why)};
}

Result<size_t> size_of_regular(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found)
    return Error{Code::not_found, format("%s: no such file", path.c_str())};
  if (status.type() == fs::file_type::directory) {
    return Error{Code::invalid_argument, format("%s: is a folder, a file was expected", path.c_str())};
  }
  if (status.type() != fs::file_type::regular) {
    return cannot_read(path, code ? code.message().c_str() : "not a regular file");
  }
  const uint64_t size = fs::file_size(path, code);
  if (code) return cannot_read(path, code.message().c_str());
  if (size == 0) return Error{Code::corrupt_file, format("%s: the file is empty", path.c_str())};
  if (size > SIZE_MAX / 2) return cannot_read(path, "too large for this machine's address space");
  return static_cast<size_t>(size);
}

#if defined(NBL_HAS_MMAP)
Result<std::byte*> map(const std::string& path, size_t size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_read(path, std::strerror(errno));
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const int number = errno;
  ::close(file);
  if (at == MAP_FAILED) return cannot_read(path, std::strerror(number));
  return static_cast<std::byte*>(at);
}
#else
Result<std::unique_ptr<std::byte[]>> read_all(const std::string& path, size_t size) {
  std::unique_ptr<std::byte[]> out(new (std::nothrow) std::byte[size]);
  if (!out) return Error{Code::out_of_memory, format("%s: no memory for its %zu bytes", path.c_str(), size)};
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (!file) return cannot_read(path, std::strerror(errno));
  const size_t got = std::fread(out.get(), 1, size, file);
  std::fclose(file);
  if (got != size) return cannot_read(path, "it ended early");
  return out;
}
#endif

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  auto size = size_of_regular(path);
  if (!size) return std::move(size).error();
  std::shared_ptr<MappedFile> out(new MappedFile);
#if defined(NBL_HAS_MMAP)
  auto at = map(path, *size);
  if (!at) return std::move(at).error();
  out->bytes_ = {*at, *size};
#else
  auto data = read_all(path, *size);
  if (!data) return std::move(data).error();
  out->read_ = std::move(*data);
  out->bytes_ = {out->read_.get(), *size};
#endif
  return std::shared_ptr<const MappedFile>(std::move(out));
}

void MappedFile::release([[maybe_unused]] std::span<const std::byte> part) const {
#if defined(NBL_HAS_MMAP)
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(bytes_.data());
  // Whole pages only; what lies behind the file's end in its last page is nobody's.
  const uintptr_t from = std::max(reinterpret_cast<uintptr_t>(part.data()), start);
  const uintptr_t end = std::min(reinterpret_cast<uintptr_t>(part.data()) + part.size(), start + bytes_.size());
  const uintptr_t first = (from + page - 1) / page * page;
  const uintptr_t last = end == start + bytes_.size() ? (end + page - 1) / page * page : end / page * page;
  if (!read_ && first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#endif
}

MappedFile::~MappedFile() {
#if defined(NBL_HAS_MMAP)
  if (!read_ && !bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
#endif
}

}  // namespace nibble
