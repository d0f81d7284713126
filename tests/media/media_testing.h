// What the media tests share: a folder that goes away, files in it, and checks of results.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "nibble/result.h"
#include "tests/support/source_folder.h"

namespace nibble::media::test {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nibble-media-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

  // Makes the folders on the way too.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return *this / name;
  }
  std::string write(const std::string& name, const std::vector<uint8_t>& bytes) const {
    return write(name, std::string(bytes.begin(), bytes.end()));
  }

  size_t files() const {
    const std::filesystem::recursive_directory_iterator first(path_), last;
    return static_cast<size_t>(std::distance(first, last));
  }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline std::string fixture(const std::string& name) {
  return (nibble::test::source_folder() / "tests/media/fixtures" / name).string();
}

// Every pixel differs from its neighbours and channels from each other.
inline Image pattern(int width, int height, int channels) {
  Image image = make_image(width, height, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.at(x, y)[c] = static_cast<uint8_t>((x * 37 + y * 91 + c * 53 + x * y % 7 * 11) % 256);
      }
    }
  }
  return image;
}

inline uint32_t fnv1a(const std::vector<uint8_t>& bytes) {
  uint32_t hash = 2166136261u;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 16777619u;
  return hash;
}

template <class T>
testing::AssertionResult succeeds(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

// An error whose message has every one of the texts.
template <class T>
testing::AssertionResult fails_naming(const Result<T>& result, const std::vector<std::string>& texts) {
  if (result) return testing::AssertionFailure() << "succeeded";
  const std::string& message = result.error().message;
  for (const std::string& text : texts) {
    if (message.find(text) == std::string::npos) {
      return testing::AssertionFailure() << "'" << message << "' does not name '" << text << "'";
    }
  }
  if (message.find('\n') != std::string::npos) return testing::AssertionFailure() << "more than one line: " << message;
  return testing::AssertionSuccess();
}

}  // namespace nibble::media::test
