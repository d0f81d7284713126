#include "media/label_file.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/text.h"
#include "core/try.h"
#include "media/read_file.h"

namespace nibble::media {
namespace {

template <class T>
std::optional<T> whole_text(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> whole_number(const std::string& text) { return whole_text<int64_t>(text); }

std::optional<double> real_number(const std::string& text) {
  const std::optional<double> value = whole_text<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
  constexpr uint64_t kMaxBytes = uint64_t{256} << 20;
  NBL_TRY(const std::vector<uint8_t> bytes, read_file(path, kMaxBytes));
  std::vector<std::string> lines(1);
  const bool has_mark = bytes.size() >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF;
  for (size_t i = has_mark ? 3 : 0; i < bytes.size(); ++i) {
    if (bytes[i] == 0) return Error{Code::invalid_argument, format("%s: is no text file", path.c_str())};
    if (bytes[i] == '\n') {
      lines.emplace_back();
    } else if (bytes[i] != '\r' || (i + 1 < bytes.size() && bytes[i + 1] != '\n')) {
      lines.back() += static_cast<char>(bytes[i]);
    }
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string> split_tabs(const std::string& line) {
  std::vector<std::string> columns;
  for (size_t first = 0;;) {
    const size_t tab = line.find('\t', first);
    columns.push_back(line.substr(first, tab - first));
    if (tab == std::string::npos) return columns;
    first = tab + 1;
  }
}

Result<std::vector<LabelLine>> read_label_file(const std::string& path) {
  namespace fs = std::filesystem;
  NBL_TRY(const std::vector<std::string> lines, read_lines(path));
  const fs::path folder = fs::path(path).parent_path();
  std::vector<LabelLine> out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i][0] == '#') continue;
    const std::vector<std::string> columns = split_tabs(lines[i]);
    LabelLine line{columns[0], (folder / columns[0]).lexically_normal().string(), std::nullopt};
    if (columns[0].empty()) {
      return Error{Code::invalid_argument,
                   format("%s: line %zu has no path in front of its first tab", path.c_str(), i + 1)};
    }
    if (columns.size() > 1 && !columns[1].empty()) {
      const std::optional<int64_t> label = whole_number(columns[1]);
      if (!label || *label < 0 || *label > std::numeric_limits<int>::max()) {
        return Error{Code::invalid_argument, format("%s: line %zu: '%.60s' is no class index (path<TAB>index)",
                                                    path.c_str(), i + 1, columns[1].c_str())};
      }
      line.label = static_cast<int>(*label);
    }
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace nibble::media
