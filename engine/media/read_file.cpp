#include "media/read_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/text.h"
#include "core/try.h"

namespace nibble::media {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

struct OpenFile {
  File file;
  uint64_t bytes;
};

Result<OpenFile> open_regular(const std::string& path) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (status.type() == std::filesystem::file_type::not_found) {
    return Error{Code::not_found, format("%s: no such file", path.c_str())};
  }
  if (status.type() == std::filesystem::file_type::directory) {
    return Error{Code::invalid_argument, format("%s: is a folder, a file was expected", path.c_str())};
  }
  if (status.type() != std::filesystem::file_type::regular) {
    const std::string found = code ? code.message() : "not a regular file";
    return Error{Code::io, format("%s: %s", path.c_str(), found.c_str())};
  }
  const uint64_t bytes = std::filesystem::file_size(path, code);
  File file(code ? nullptr : std::fopen(path.c_str(), "rb"));
  if (!file) {
    const std::string found = code ? code.message() : std::strerror(errno);
    return Error{Code::io, format("%s: cannot be read: %s", path.c_str(), found.c_str())};
  }
  return OpenFile{std::move(file), bytes};
}

Result<std::vector<uint8_t>> read_from(const std::string& path, std::FILE* file, uint64_t bytes) {
  std::vector<uint8_t> data(static_cast<size_t>(bytes));
  const size_t got = data.empty() ? 0 : std::fread(data.data(), 1, data.size(), file);
  if (got != data.size()) {
    return Error{Code::io, format("%s: %zu of %zu bytes could be read", path.c_str(), got, data.size())};
  }
  return data;
}

}  // namespace

Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit) {
  NBL_TRY(OpenFile opened, open_regular(path));
  if (opened.bytes == 0) return Error{Code::corrupt_file, format("%s: is empty", path.c_str())};
  if (opened.bytes > limit) {
    return Error{Code::invalid_argument,
                 format("%s: has %llu bytes, at most %llu are read", path.c_str(),
                        static_cast<unsigned long long>(opened.bytes), static_cast<unsigned long long>(limit))};
  }
  return read_from(path, opened.file.get(), opened.bytes);
}

Result<std::vector<uint8_t>> read_start_of_file(const std::string& path, size_t count) {
  NBL_TRY(OpenFile opened, open_regular(path));
  return read_from(path, opened.file.get(), opened.bytes < count ? opened.bytes : count);
}

}  // namespace nibble::media
