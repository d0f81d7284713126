// Where data shared between checkouts lies: $NIBBLE_TEST_DATA, else the folder "shared" beside the repository.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/source_folder.h"

namespace nibble::test {

// The path of `name`, such as "data/kodak-12", inside the shared data; nothing if it is absent, and the test should
// skip.
inline std::optional<std::filesystem::path> shared_data(const std::string& name) {
  const char* root = std::getenv("NIBBLE_TEST_DATA");
  const auto path = (root ? std::filesystem::path(root) : source_folder().parent_path() / "shared") / name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return path;
}

}  // namespace nibble::test
