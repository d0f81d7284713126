// A file's bytes, read-only and mapped into memory where the system can.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "nibble/result.h"

namespace nibble {

// The bytes stay valid as long as the object lives. Who shortens the file meanwhile breaks that; replacing it by
// renaming another one over it does not.
class MappedFile {
 public:
  // An error that names the path for a missing file, a folder, anything else that is not a regular file, an empty file.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Lets the system take back the memory of `part`, which stays readable: what is read again comes from the file again.
  // What lies outside the file, or in no mapping, stays as it is.
  void release(std::span<const std::byte> part) const;

 private:
  MappedFile() = default;

  std::span<const std::byte> bytes_;
  std::unique_ptr<std::byte[]> read_;  // where the file could not be mapped and was read instead
};

}  // namespace nibble
