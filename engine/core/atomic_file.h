// Output files that are either complete or not there.
#pragma once

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

#include "nibble/result.h"

namespace nibble {

// A file written under a temporary name in its own folder and renamed by commit(). Without a commit the destructor
// removes it and whatever lay at `path` before is untouched. Where `path` is a device or a pipe there is nothing to
// replace: bytes go straight to it. Every write and the close are checked, so a full disk is an error that names the
// file.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Status write(std::span<const std::byte> bytes);
  Status commit();

 private:
  AtomicFile() = default;
  void discard();

  std::FILE* file_ = nullptr;
  std::string path_;       // as the user wrote it, for messages
  std::string target_;     // the same with symbolic links resolved, so that a link stays a link
  std::string temporary_;  // empty when writing straight to a device
};

Status write_file_atomically(const std::string& path, std::span<const std::byte> bytes);
Status write_file_atomically(const std::string& path, const std::string& text);

}  // namespace nibble
