#include "tools/run_inputs.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "core/text.h"
#include "core/try.h"
#include "media/read_file.h"
#include "runtime/tensor_io.h"
#include "tools/tensor_values.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

namespace fs = std::filesystem;

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Result<bool> is_npy(const std::string& path) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  NBL_TRY(const std::vector<uint8_t> start, media::read_start_of_file(path, kMagic.size()));
  if (start.empty()) return Error{Code::corrupt_file, path + ": is empty"};
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".npy" ||
         (start.size() == kMagic.size() && std::memcmp(start.data(), kMagic.data(), start.size()) == 0);
}

struct Argument {
  size_t input = 0;
  std::string path;
};

// "NAME=FILE", or "FILE" for the only input. Names may hold '=', so the model's own names decide.
Result<Argument> parse_argument(const Model& model, const std::string& text) {
  const std::vector<TensorInfo>& inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = inputs[i].name;
    if (text.size() > name.size() + 1 && text.starts_with(name) && text[name.size()] == '=') {
      return Argument{i, text.substr(name.size() + 1)};
    }
  }
  std::error_code ignored;
  const size_t equals = text.find('=');
  const bool named = equals != std::string::npos && !fs::exists(text, ignored);
  NBL_TRY(const size_t only, find_tensor(inputs, named ? text.substr(0, equals) : std::string(), "input"));
  return Argument{only, named ? text.substr(equals + 1) : text};
}

// A folder with NAME.npy for every input feeds them all.
std::vector<Argument> arrays_in_folder(const Model& model, const std::string& folder) {
  std::vector<std::string> names;
  for (const TensorInfo& info : model.inputs()) names.push_back(info.name);
  names = media::safe_file_names(names);
  std::vector<Argument> out;
  std::error_code ignored;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string path = (fs::path(folder) / (names[i] + ".npy")).string();
    if (!fs::is_regular_file(path, ignored)) return {};
    out.push_back({i, path});
  }
  return out;
}

Status add_pictures(const std::string& path, Feed& feed) {
  if (!is_folder(path)) {
    feed.pictures.push_back({path, nullptr, 0});
    return {};
  }
  NBL_TRY(media::SampleSet found, media::open_samples(path, {}));
  const auto folder = std::make_shared<const media::SampleSet>(std::move(found));
  for (size_t i = 0; i < folder->size(); ++i) {
    if (folder->kind(i) != media::SampleSet::Kind::image) {
      return Error{Code::invalid_argument,
                   path + ": holds .npy files; name them one by one, or call them NAME.npy after the model's inputs"};
    }
    feed.pictures.push_back({folder->name(i), folder, i});
  }
  return {};
}

Status add_argument(const Argument& argument, const TensorInfo& info, Feed& feed) {
  const bool first = !feed.array && feed.pictures.empty();
  const bool folder = is_folder(argument.path);
  const auto npy = folder ? Result<bool>(false) : is_npy(argument.path);
  if (!npy) return npy.error();
  if (!first && (*npy || feed.array)) {
    return Error{Code::invalid_argument,
                 format("input %s is given twice, by %s and %s; several files need to be pictures",
                        describe(info).c_str(), feed.path.c_str(), argument.path.c_str())};
  }
  if (first) feed.path = argument.path;
  if (!*npy) return add_pictures(argument.path, feed);
  NBL_TRY(feed.array, media::read_npy(argument.path));
  return {};
}

Result<size_t> picture_count(const Feeds& feeds, const Model& model) {
  size_t count = 0;
  for (const Feed& feed : feeds.feeds) {
    if (feed.array) continue;
    if (count != 0 && feed.pictures.size() != count) {
      return Error{Code::invalid_argument,
                   format("input %s gets %zu pictures, another input %zu", describe(model.inputs()[feed.input]).c_str(),
                          feed.pictures.size(), count)};
    }
    count = feed.pictures.size();
  }
  return count;
}

}  // namespace

Result<media::Image> PictureFile::read() const { return folder ? folder->image(index) : media::read_image(name); }

Result<Feeds> open_feeds(const Model& model, const std::vector<std::string>& arguments) {
  const std::vector<TensorInfo>& inputs = model.inputs();
  Feeds out;
  for (size_t i = 0; i < inputs.size(); ++i) out.feeds.push_back({.input = i, .path = {}, .array = {}, .pictures = {}});
  for (const std::string& text : arguments) {
    std::vector<Argument> found = is_folder(text) ? arrays_in_folder(model, text) : std::vector<Argument>();
    if (found.empty()) {
      NBL_TRY(Argument argument, parse_argument(model, text));
      found.push_back(std::move(argument));
    }
    for (const Argument& argument : found)
      NBL_CHECK(add_argument(argument, inputs[argument.input], out.feeds[argument.input]));
  }
  std::string missing;
  for (const Feed& feed : out.feeds) {
    if (feed.array || !feed.pictures.empty()) continue;
    missing += (missing.empty() ? "" : ", ") + describe(inputs[feed.input]);
  }
  if (!missing.empty()) {
    return Error{Code::invalid_argument, "no values for input " + missing + "; give --input NAME=FILE"};
  }
  NBL_TRY(out.pictures, picture_count(out, model));
  return out;
}

}  // namespace nibble::tools
