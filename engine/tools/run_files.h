// The files that a run leaves: all of them, or none.
#pragma once

#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "media/image.h"
#include "tools/run_results.h"

namespace nibble::tools {

// Collects files under temporary names; commit() puts them in place. What was not committed leaves nothing behind,
// folders made for it included.
class RunFiles {
 public:
  RunFiles() = default;
  RunFiles(const RunFiles&) = delete;
  RunFiles& operator=(const RunFiles&) = delete;
  ~RunFiles();

  // NAME.npy for each output; the folder is made when it is not there.
  Status add_outputs(const std::string& folder, const std::vector<Output>& outputs);
  Status add_picture(const std::string& path, const media::Image& image);
  Status commit();

  // As they will be called.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  Status make_folder(const std::string& folder);
  Status add(const std::string& path, std::span<const std::byte> bytes);

  std::vector<AtomicFile> files_;
  std::vector<std::string> paths_;
  std::vector<std::string> made_folders_;  // outermost first
  bool committed_ = false;
};

}  // namespace nibble::tools
