#include "core/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/text.h"
#include "core/try.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;

Error write_error(const std::string& path, const char* what, int number) {
  return Error{Code::io, format("%s: %s: %s", path.c_str(), what, std::strerror(number))};
}

// Two processes may write into one folder: the clock and the counter make a clash unlikely, mode "x" makes it harmless.
std::string temporary_name(const std::string& target) {
  static std::atomic<unsigned> counter{0};
  const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count();
  const fs::path path(target);
  const std::string name = format(".nibble-%llx-%x.part", static_cast<unsigned long long>(ticks), counter++);
  return (path.parent_path() / name).string();
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  AtomicFile out;
  out.path_ = path;
  out.target_ = path;
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (path.empty()) return Error{Code::invalid_argument, "the name of an output file is empty"};
  if (status.type() == fs::file_type::directory || path.back() == '/') {
    return Error{Code::invalid_argument,
                 format("%s: is a folder, the name of an output file was expected", path.c_str())};
  }
  if (fs::exists(status) && status.type() != fs::file_type::regular) {
    out.file_ = std::fopen(path.c_str(), "wb");
    if (!out.file_) return write_error(path, "cannot be written", errno);
    return out;
  }
  if (fs::exists(status)) {
    const fs::path resolved = fs::canonical(path, code);
    if (!code) out.target_ = resolved.string();
  }
  constexpr int kAttempts = 16;
  for (int attempt = 0; attempt < kAttempts && !out.file_; ++attempt) {
    out.temporary_ = temporary_name(out.target_);
    out.file_ = std::fopen(out.temporary_.c_str(), "wbx");
    if (!out.file_ && errno != EEXIST) break;
  }
  if (!out.file_) {
    const int number = errno;
    out.temporary_.clear();
    return write_error(path, "cannot be created", number);
  }
  return out;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  file_ = std::exchange(other.file_, nullptr);
  path_ = std::move(other.path_);
  target_ = std::move(other.target_);
  temporary_ = std::exchange(other.temporary_, {});
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (file_) std::fclose(std::exchange(file_, nullptr));
  if (!temporary_.empty()) std::remove(temporary_.c_str());
  temporary_.clear();
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (!file_) return Error{Code::internal, format("%s: written after it was closed", path_.c_str())};
  if (bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return {};
  const Error error = write_error(path_, "cannot be written", errno);
  discard();
  return error;
}

Status AtomicFile::commit() {
  if (!file_) return Error{Code::internal, format("%s: committed after it was closed", path_.c_str())};
  if (std::fclose(std::exchange(file_, nullptr)) != 0) {
    const Error error = write_error(path_, "cannot be written", errno);
    discard();
    return error;
  }
  if (temporary_.empty()) return {};
  std::error_code code;
  fs::rename(temporary_, target_, code);
  if (code) {
    discard();
    return Error{Code::io, format("%s: cannot be put in place: %s", path_.c_str(), code.message().c_str())};
  }
  temporary_.clear();
  return {};
}

Status write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  NBL_TRY(AtomicFile file, AtomicFile::create(path));
  NBL_CHECK(file.write(bytes));
  return file.commit();
}

Status write_file_atomically(const std::string& path, const std::string& text) {
  return write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace nibble
