#include "format/front_coding.h"

#include <algorithm>

#include "core/try.h"

namespace nibble {
namespace {

constexpr uint8_t kMore = 0x80;  // a number below 2^14 takes one byte, or two with this bit in the first
constexpr uint64_t kTextOverhead = 32;

void put_number(std::vector<uint8_t>& out, size_t value) {
  if (value >= kMore) out.push_back(static_cast<uint8_t>(kMore | (value & 0x7F)));
  out.push_back(static_cast<uint8_t>(value >= kMore ? value >> 7 : value));
}

Error damaged() { return Error{Code::corrupt_file, "section GRPH: its names are damaged"}; }

Result<size_t> take_number(std::span<const uint8_t>& in) {
  if (in.empty() || (in[0] >= kMore && in.size() < 2)) return damaged();
  const bool two = in[0] >= kMore;
  if (two && in[1] >= kMore) return damaged();
  const size_t value = two ? (in[0] & 0x7Fu) | static_cast<size_t>(in[1]) << 7 : in[0];
  in = in.subspan(two ? 2 : 1);
  return value;
}

}  // namespace

std::vector<uint8_t> front_code(const std::vector<std::string>& texts) {
  std::vector<uint8_t> out;
  std::string before;
  for (const std::string& text : texts) {
    const size_t limit = std::min(before.size(), text.size());
    size_t shared = 0;
    while (shared < limit && before[shared] == text[shared]) ++shared;
    put_number(out, shared);
    put_number(out, text.size() - shared);
    out.insert(out.end(), text.begin() + static_cast<std::ptrdiff_t>(shared), text.end());
    before = text;
  }
  return out;
}

Result<std::vector<std::string>> front_decode(std::span<const uint8_t> coded, size_t max_bytes, uint64_t max_total) {
  std::vector<std::string> out;
  uint64_t total = 0;
  while (!coded.empty()) {
    NBL_TRY(const size_t shared, take_number(coded));
    NBL_TRY(const size_t fresh, take_number(coded));
    const size_t before = out.empty() ? 0 : out.back().size();
    total += shared + fresh + kTextOverhead;
    if (shared > before || fresh > coded.size() || shared + fresh > max_bytes || total > max_total) return damaged();
    std::string text = out.empty() ? std::string() : out.back().substr(0, shared);
    text.append(reinterpret_cast<const char*>(coded.data()), fresh);
    out.push_back(std::move(text));
    coded = coded.subspan(fresh);
  }
  return out;
}

}  // namespace nibble
