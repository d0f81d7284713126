// A network read from a .nbl file.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nibble/export.h"
#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble {

struct ModelState;  // internal

// Immutable: copies are cheap, refer to the same network and may be used from any thread.
class NBL_API Model {
 public:
  // Maps the file; its weights are not copied until a session uploads them. not_found, io, corrupt_file,
  // unsupported_version, unsupported_op.
  static Result<Model> load(const std::string& path);
  // A file that lies in memory; the bytes are copied.
  static Result<Model> load(std::span<const std::byte> file);

  // In the file's order. Free dimensions count as 1 in `shape` and have their names in `dims`.
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  // Names that SessionOptions::dims may bind, sorted.
  const std::vector<std::string>& free_dims() const;
  // The file's META section: preprocessing, class names, and whatever the converter noted.
  const std::map<std::string, std::string>& metadata() const;

  const std::shared_ptr<const ModelState>& state() const { return state_; }
  explicit Model(std::shared_ptr<const ModelState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const ModelState> state_;
};

}  // namespace nibble
