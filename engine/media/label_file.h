// Lists of samples: path<TAB>index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::media {

struct LabelLine {
  std::string path;      // as written
  std::string resolved;  // relative to the file's folder
  std::optional<int> label;
};

// Columns are parted by tabs; those behind the second are ignored, and so are empty lines, lines that begin with '#', a
// byte order mark and carriage returns. A second column that is no whole number is an error with the line's number.
Result<std::vector<LabelLine>> read_label_file(const std::string& path);

// The text of a file in lines without their ends; an error where it holds zero bytes (it is no text then).
Result<std::vector<std::string>> read_lines(const std::string& path);

std::vector<std::string> split_tabs(const std::string& line);

// The whole text as a number, or nothing.
std::optional<int64_t> whole_number(const std::string& text);
std::optional<double> real_number(const std::string& text);

}  // namespace nibble::media
