#include "tools/run_files.h"

#include <filesystem>

#include "core/text.h"
#include "core/try.h"
#include "media/codec.h"
#include "media/npy.h"

namespace nibble::tools {

namespace fs = std::filesystem;

RunFiles::~RunFiles() {
  if (committed_) return;
  files_.clear();
  std::error_code ignored;
  for (size_t i = made_folders_.size(); i-- > 0;) fs::remove(made_folders_[i], ignored);  // only when empty
}

Status RunFiles::make_folder(const std::string& folder) {
  std::error_code code;
  if (fs::is_directory(folder, code)) return {};
  fs::path so_far;
  for (const fs::path& part : fs::path(folder)) {
    so_far /= part;
    if (part.empty() || fs::is_directory(so_far, code)) continue;
    if (fs::create_directory(so_far, code)) {
      made_folders_.push_back(so_far.string());
      continue;
    }
    const bool taken = fs::exists(so_far, code);
    return Error{Code::io,
                 format("%s: %s", folder.c_str(),
                        taken ? (so_far.string() + " is not a folder").c_str() : "the folder cannot be made")};
  }
  return {};
}

Status RunFiles::add(const std::string& path, std::span<const std::byte> bytes) {
  NBL_TRY(AtomicFile file, AtomicFile::create(path));
  NBL_CHECK(file.write(bytes));
  files_.push_back(std::move(file));
  paths_.push_back(path);
  return {};
}

Status RunFiles::add_outputs(const std::string& folder, const std::vector<Output>& outputs) {
  NBL_CHECK(make_folder(folder));
  std::vector<std::string> names;
  for (const Output& output : outputs) names.push_back(output.info.name);
  names = media::safe_file_names(names);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorInfo& info = outputs[i].info;
    NBL_TRY(const std::vector<uint8_t> file, media::encode_npy(info.type, info.shape, outputs[i].bytes));
    NBL_CHECK(add((fs::path(folder) / (names[i] + ".npy")).string(), std::as_bytes(std::span(file))));
  }
  return {};
}

Status RunFiles::add_picture(const std::string& path, const media::Image& image) {
  auto png = media::encode_png(image);
  if (!png) return std::move(png).error().with_context(path);
  return add(path, std::as_bytes(std::span(*png)));
}

Status RunFiles::commit() {
  for (size_t i = 0; i < files_.size(); ++i) {
    Status status = files_[i].commit();
    if (status) continue;
    // A disk may fill up with the last bytes of a file: those already in place go as well.
    std::error_code ignored;
    for (size_t done = 0; done < i; ++done) {
      if (fs::is_regular_file(paths_[done], ignored)) fs::remove(paths_[done], ignored);
    }
    return status;
  }
  committed_ = true;
  return {};
}

}  // namespace nibble::tools
