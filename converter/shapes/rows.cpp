#include "converter/shapes/rows.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/text.h"
#include "core/try.h"

namespace nibble::shapes {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// One letter and digits: "k3". Words may end in digits too ("relu6"), but begin with two letters.
bool is_number(std::string_view token) {
  return token.size() > 1 && is_letter(token[0]) && std::all_of(token.begin() + 1, token.end(), is_digit);
}

Status add_token(Row& row, const std::string& token) {
  const auto fail = [&](const std::string& why) {
    return Error{Code::invalid_argument, format("line %d, '%s': %s", row.line, token.c_str(), why.c_str())};
  };
  if (token[0] == '<' || token[0] == '>') {
    const std::string name = token.substr(1);
    if (name.empty()) return fail("expected a name");
    if (token[0] == '<') {
      row.inputs.push_back(name);
    } else if (row.result.empty()) {
      row.result = name;
    } else {
      return fail("the result has a name already");
    }
    return {};
  }
  if (is_number(token)) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(token.data() + 1, token.data() + token.size(), value);
    if (error != std::errc() || end != token.data() + token.size() || value > kMostNumber)
      return fail(format("expected a number of at most %lld", static_cast<long long>(kMostNumber)));
    if (!row.numbers.emplace(token[0], value).second) return fail("this number was given before");
    return {};
  }
  if (!is_letter(token[0])) return fail("expected a word, a letter with a number, <name or >name");
  if (!row.words.insert(token).second) return fail("this word was given before");
  return {};
}

}  // namespace

Result<std::vector<Row>> parse_rows(std::string_view text) {
  std::vector<Row> rows;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream tokens(line.substr(0, line.find('#')));
    Row row;
    row.line = number;
    if (!(tokens >> row.kind)) continue;
    row.text = row.kind;
    for (std::string token; tokens >> token; row.text += " " + token) NBL_CHECK(add_token(row, token));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace nibble::shapes
