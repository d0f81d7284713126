#include "media/samples.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/text.h"
#include "core/try.h"
#include "media/idx.h"
#include "media/label_file.h"

namespace nibble::media {
namespace {

namespace fs = std::filesystem;

bool is_npy(const fs::path& path) { return path.extension() == ".npy"; }

bool is_sample_file(const fs::path& path) { return is_npy(path) || has_image_extension(path.string()); }

Error nothing_found(const std::string& path) {
  return Error{
      Code::not_found,
      format(
          "%s: holds no samples; looked for pictures (.jpg .jpeg .png .bmp .pgm .ppm) and .npy files, in sub-folders "
          "too, and for images-idx3-ubyte",
          path.c_str())};
}

// The files of a folder tree by their path relative to it. Links to folders are followed, each folder once.
struct Tree {
  std::vector<fs::path> files;      // pictures and .npy
  std::vector<fs::path> idx_files;  // *images-idx3-ubyte, top level only
  std::set<fs::path> visited;

  Status walk(const fs::path& root, const fs::path& relative, int depth) {
    constexpr int kMaxDepth = 64;
    std::error_code code;
    const fs::path folder = root / relative;
    if (depth > kMaxDepth || !visited.insert(fs::canonical(folder, code)).second) return {};
    fs::directory_iterator entries(folder, code);
    if (code) return Error{Code::io, format("%s: cannot be read: %s", folder.string().c_str(), code.message().c_str())};
    for (const fs::directory_iterator end; entries != end; entries.increment(code)) {
      const fs::path name = entries->path().filename();
      std::error_code unreadable;  // a dangling link is passed over
      if (name.string().starts_with(".")) continue;
      if (entries->is_directory(unreadable)) {
        NBL_CHECK(walk(root, relative / name, depth + 1));
      } else if (entries->is_regular_file(unreadable)) {
        if (is_sample_file(name)) files.push_back(relative / name);
        const bool idx_name =
            name.string().ends_with("images-idx3-ubyte") || name.string().ends_with("images.idx3-ubyte");
        if (depth == 0 && idx_name) idx_files.push_back(relative / name);
      }
    }
    if (code) return Error{Code::io, format("%s: cannot be read: %s", folder.string().c_str(), code.message().c_str())};
    return {};
  }
};

std::optional<std::string> key_of(const std::string& path) {
  std::error_code code;
  const fs::path canonical = fs::weakly_canonical(path, code);
  if (code) return std::nullopt;
  return canonical.string();
}

}  // namespace

struct SampleSet::Finder {
  const SampleOptions& options;
  std::vector<Sample> samples;
  uint64_t idx_count = 0;  // idx is cut while it is listed: how many there were

  Status from_idx(const std::string& path) {
    NBL_TRY(const IdxImages images, open_idx_images(path));
    idx_count = images.count;
    std::vector<uint8_t> labels;
    if (const auto beside = idx_labels_beside(path)) {
      NBL_TRY(labels, read_idx_labels(*beside));
      if (labels.size() != images.count) {
        return Error{Code::corrupt_file,
                     format("%s has %zu labels for the %llu images of %s", beside->c_str(), labels.size(),
                            static_cast<unsigned long long>(images.count), path.c_str())};
      }
    }
    const uint64_t first = std::min<uint64_t>(options.skip, images.count);
    const uint64_t last = first + std::min<uint64_t>(options.count, images.count - first);
    for (uint64_t i = first; i < last; ++i) {
      Sample sample{Kind::image, format("%llu", static_cast<unsigned long long>(i)), path, {}, std::nullopt, i};
      if (!labels.empty()) sample.label = labels[i];
      samples.push_back(std::move(sample));
    }
    return {};
  }

  Status from_list(const std::string& path) {
    NBL_TRY(const std::vector<LabelLine> lines, read_label_file(path));
    for (const LabelLine& line : lines) {
      if (!is_sample_file(line.resolved)) {
        return Error{Code::invalid_argument,
                     format("%s: '%.200s' is neither a picture nor an .npy file; a list has one path, "
                            "or path<TAB>index, on each line",
                            path.c_str(), line.path.c_str())};
      }
      samples.push_back(
          {is_npy(line.resolved) ? Kind::arrays : Kind::image, line.path, line.resolved, {}, line.label, {}});
    }
    if (samples.empty()) return Error{Code::not_found, format("%s: lists no samples", path.c_str())};
    sort_samples();
    return {};
  }

  Status from_folder(const std::string& path) {
    Tree tree;
    NBL_CHECK(tree.walk(path, "", 0));
    if (tree.idx_files.size() > 1) {
      return Error{Code::invalid_argument,
                   format("%s: holds several idx files of images, name the one that is meant", path.c_str())};
    }
    if (!tree.idx_files.empty()) return from_idx((fs::path(path) / tree.idx_files[0]).string());
    const auto npy = static_cast<size_t>(std::count_if(tree.files.begin(), tree.files.end(), is_npy));
    if (npy > 0 && npy < tree.files.size()) {
      return Error{Code::invalid_argument,
                   format("%s: holds pictures (%zu) and .npy files (%zu); only one kind can be meant", path.c_str(),
                          tree.files.size() - npy, npy)};
    }
    std::sort(tree.files.begin(), tree.files.end());
    if (npy > 0) return from_npy_folder(path, tree.files);
    for (const fs::path& file : tree.files) {
      samples.push_back({Kind::image, file.generic_string(), (fs::path(path) / file).string(), {}, std::nullopt, {}});
    }
    label_by_folder(tree.files);
    return {};
  }

  void label_by_folder(const std::vector<fs::path>& files) {
    std::map<fs::path, int> classes;
    for (const fs::path& file : files) {
      if (!file.has_parent_path()) return;  // a picture beside the folders: they are no classes
      classes[*file.begin()] = 0;
    }
    if (classes.size() < 2) return;
    int next = 0;
    for (auto& [folder, index] : classes) index = next++;
    for (size_t i = 0; i < files.size(); ++i) samples[i].label = classes[*files[i].begin()];
  }

  Status from_npy_folder(const std::string& path, const std::vector<fs::path>& files) {
    std::map<fs::path, std::vector<std::string>> by_folder;
    for (const fs::path& file : files) by_folder[file.parent_path()].push_back(file.filename().string());
    for (auto& [folder, names] : by_folder) {
      const fs::path where = fs::path(path) / folder;
      std::vector<std::string> wanted = wanted_files();
      const auto is_there = [&names = names](const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
      };
      const auto missing = std::find_if_not(wanted.begin(), wanted.end(), is_there);
      if (wanted.size() > 1 && missing != wanted.end()) {
        return Error{
            Code::not_found,
            format("%s: has no %s; a sample of a network with several inputs is a folder with NAME.npy for each",
                   where.string().c_str(), missing->c_str())};
      }
      const bool whole_folder = wanted.empty() ? !folder.empty() : missing == wanted.end();
      if (whole_folder) {
        std::vector<std::string>& taken = wanted.empty() ? names : wanted;
        std::sort(taken.begin(), taken.end());
        samples.push_back({Kind::arrays, folder.generic_string(), where.string(), taken, std::nullopt, {}});
        continue;
      }
      for (const std::string& name : names) {
        samples.push_back(
            {Kind::arrays, (folder / name).generic_string(), (where / name).string(), {}, std::nullopt, {}});
      }
    }
    sort_samples();
    return {};
  }

  std::vector<std::string> wanted_files() const {
    std::vector<std::string> names = safe_file_names(options.input_names);
    for (std::string& name : names) name += ".npy";
    return names;
  }

  void sort_samples() {
    const auto before = [](const Sample& a, const Sample& b) { return fs::path(a.name) < fs::path(b.name); };
    std::stable_sort(samples.begin(), samples.end(), before);
  }

  void cut() {
    if (idx_count > 0) return;
    const size_t first = std::min(options.skip, samples.size());
    samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(first));
    samples.resize(std::min(options.count, samples.size()));
  }
};

Result<SampleSet> open_samples(const std::string& path, const SampleOptions& options) {
  SampleSet::Finder finder{options, {}, 0};
  std::error_code code;
  const auto type = fs::status(path, code).type();
  if (type == fs::file_type::not_found) {
    return Error{Code::not_found, format("%s: no such file or folder", path.c_str())};
  }
  if (type == fs::file_type::directory) {
    NBL_CHECK(finder.from_folder(path));
  } else if (is_idx_images(path)) {
    NBL_CHECK(finder.from_idx(path));
  } else if (is_sample_file(path)) {
    const auto kind = is_npy(path) ? SampleSet::Kind::arrays : SampleSet::Kind::image;
    finder.samples.push_back({kind, fs::path(path).filename().string(), path, {}, std::nullopt, {}});
  } else {
    NBL_CHECK(finder.from_list(path));
  }
  if (finder.samples.empty() && finder.idx_count == 0) return nothing_found(path);
  finder.cut();
  if (finder.samples.empty()) {
    return Error{Code::invalid_argument, format("%s: no samples are left behind the first %zu (--skip and --samples)",
                                                path.c_str(), options.skip)};
  }
  SampleSet out;
  out.samples_ = std::move(finder.samples);
  return out;
}

bool SampleSet::has_labels() const {
  return std::any_of(samples_.begin(), samples_.end(), [](const Sample& sample) { return sample.label.has_value(); });
}

SampleSet SampleSet::subset(const std::vector<size_t>& indices) const {
  SampleSet out;
  for (size_t i : indices) out.samples_.push_back(samples_[i]);
  return out;
}

Result<Image> SampleSet::image(size_t i) const {
  const Sample& sample = samples_[i];
  if (sample.kind != Kind::image) {
    return Error{Code::invalid_argument, format("%s: is no picture", sample.path.c_str())};
  }
  if (!sample.index) return read_image(sample.path);
  NBL_TRY(const IdxImages images, open_idx_images(sample.path));
  return read_idx_image(images, std::min(*sample.index, images.count));
}

Result<std::vector<NamedArray>> SampleSet::arrays(size_t i) const {
  const Sample& sample = samples_[i];
  if (sample.kind != Kind::arrays) {
    return Error{Code::invalid_argument, format("%s: is no .npy file", sample.path.c_str())};
  }
  std::vector<NamedArray> out;
  if (sample.arrays.empty()) {
    NBL_TRY(NpyArray array, read_npy(sample.path));
    out.push_back({"", std::move(array)});
    return out;
  }
  for (const std::string& file : sample.arrays) {
    NBL_TRY(NpyArray array, read_npy((fs::path(sample.path) / file).string()));
    out.push_back({fs::path(file).stem().string(), std::move(array)});
  }
  return out;
}

Status SampleSet::set_labels(const std::string& label_file) {
  NBL_TRY(const std::vector<LabelLine> lines, read_label_file(label_file));
  std::map<std::string, std::optional<int>> by_path, by_name;
  std::set<std::string> ambiguous;
  for (const LabelLine& line : lines) {
    if (const auto key = key_of(line.resolved)) by_path[*key] = line.label;
    const std::string name = fs::path(line.path).filename().string();
    const auto [place, is_new] = by_name.emplace(name, line.label);
    if (!is_new && place->second != line.label) ambiguous.insert(name);
  }
  bool any = false;
  for (Sample& sample : samples_) {
    sample.label.reset();
    const auto key = key_of(sample.path);
    const std::string name = fs::path(sample.path).filename().string();
    if (const auto found = key ? by_path.find(*key) : by_path.end(); found != by_path.end()) {
      sample.label = found->second;
    } else if (const auto named = by_name.find(name); named != by_name.end() && !ambiguous.contains(name)) {
      sample.label = named->second;
    }
    any = any || sample.label.has_value();
  }
  if (any) return {};
  return Error{
      Code::invalid_argument,
      format("%s: labels none of the samples (path<TAB>index, paths relative to the file)", label_file.c_str())};
}

}  // namespace nibble::media
