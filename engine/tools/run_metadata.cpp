#include "tools/run_metadata.h"

#include "core/text.h"
#include "core/try.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(printable(line));
    begin = end + 1;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

template <class T>
Result<T> named(const char* key, Result<T> parsed) {
  if (!parsed) return std::move(parsed).error().with_context(std::string("the model's own '") + key + "'");
  return parsed;
}

}  // namespace

Result<Meaning> read_meaning(const Model& model, const std::string& preprocess) {
  Meaning out;
  const auto& metadata = model.metadata();
  if (!preprocess.empty()) {
    NBL_TRY(out.preprocessing, media::read_preprocessing(preprocess));
  } else if (const auto found = metadata.find("preprocess"); found != metadata.end()) {
    NBL_TRY(out.preprocessing, named("preprocess", media::parse_preprocessing(found->second)));
  }
  if (const auto found = metadata.find("classes"); found != metadata.end()) out.classes = lines_of(found->second);
  if (const auto found = metadata.find("detection"); found != metadata.end()) {
    NBL_TRY(out.detection, named("detection", media::parse_detection(found->second)));
  }
  return out;
}

std::string class_name(const Meaning& meaning, size_t index, size_t classes) {
  const std::vector<std::string>& names = meaning.classes;
  const int64_t before = static_cast<int64_t>(classes) - static_cast<int64_t>(names.size());
  const bool names_lack_background = before > 0 && before == meaning.preprocessing.label_offset;
  const int64_t at = static_cast<int64_t>(index) - (names_lack_background ? before : 0);
  if ((before == 0 || names_lack_background) && at >= 0 && !names[static_cast<size_t>(at)].empty()) {
    return names[static_cast<size_t>(at)];
  }
  if (names_lack_background && at < 0) return "background";
  return format("class %zu", index);
}

}  // namespace nibble::tools
