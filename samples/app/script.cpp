#include "app/script.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "core/text.h"
#include "core/try.h"

namespace nibble::app {
namespace {

struct Form {
  size_t numbers = 0;
  bool argument = false;
};

const std::map<std::string, Form>& forms() {
  static const std::map<std::string, Form> forms = {
      {"frames", {1}},     {"wait", {}},    {"key", {0, true}},       {"await_key", {0, true}}, {"mouse", {2}},
      {"press", {}},       {"release", {}}, {"resize", {2}},          {"minimise", {}},         {"restore", {}},
      {"drop", {0, true}}, {"quit", {}},    {"screenshot", {0, true}}};
  return forms;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

Status check_line(const ScriptLine& line) {
  const auto found = forms().find(line.verb);
  if (found == forms().end()) return {};
  const Form& form = found->second;
  if (form.numbers > 0) {
    constexpr int kMost = 16384;
    const std::vector<int> numbers = numbers_of(line);
    bool good = numbers.size() == form.numbers;
    for (int n : numbers) good = good && n >= 0 && n <= kMost;
    if (good) return {};
    return Error{Code::invalid_argument,
                 format("script line %d: '%s' takes %zu numbers of 0 to %d, found '%s'", line.number, line.verb.c_str(),
                        form.numbers, kMost, line.argument.c_str())};
  }
  if (form.argument == !line.argument.empty()) return {};
  return Error{Code::invalid_argument, format("script line %d: '%s' %s", line.number, line.verb.c_str(),
                                              form.argument ? "needs an argument" : "takes no argument")};
}

}  // namespace

std::vector<int> numbers_of(const ScriptLine& line) {
  std::vector<int> out;
  std::istringstream words(line.argument);
  for (std::string word; words >> word;) {
    int value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) return {};
    out.push_back(value);
  }
  return out;
}

Result<std::vector<ScriptLine>> parse_script(const std::string& text) {
  std::vector<ScriptLine> out;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find_first_of(" \t");
    ScriptLine parsed{number, line.substr(0, space),
                      space == std::string::npos ? std::string() : trimmed(line.substr(space))};
    NBL_CHECK(check_line(parsed));
    out.push_back(std::move(parsed));
  }
  return out;
}

Result<std::vector<ScriptLine>> read_script(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Code::not_found, path + ": no such script"};
  return parse_script({std::istreambuf_iterator<char>(in), {}});
}

}  // namespace nibble::app
