// A network as a short text, one block of layers a row, like the tables in the papers:
//
//   conv c64 k7 s2 relu      a kind, numbers with a letter in front, words
//   max k3 s2 p1 >early      '>name' keeps the result under a name, '<name' takes a kept one as input
//   add <early <late         '#' begins a comment
//
// converter/README.md lists the kinds with their numbers and words.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/result.h"

namespace nibble::shapes {

struct Row {
  int line = 0;  // counted from 1
  std::string text;
  std::string kind;
  std::map<char, int64_t> numbers;
  std::set<std::string> words;
  std::vector<std::string> inputs;  // empty: the result of the row before
  std::string result;               // empty: not kept

  bool has(const char* word) const { return words.contains(word); }
  int64_t number(char letter, int64_t otherwise) const {
    const auto found = numbers.find(letter);
    return found == numbers.end() ? otherwise : found->second;
  }
};

// No number in a row is larger.
inline constexpr int64_t kMostNumber = 1 << 20;

// An error names the line and what was expected.
Result<std::vector<Row>> parse_rows(std::string_view text);

}  // namespace nibble::shapes
