#include "gpu/caps.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "core/text.h"
#include "core/try.h"
#include "gpu/quirks.h"

namespace nibble::gpu {
namespace {

struct BitName {
  uint32_t bit;
  const char* name;
};
constexpr BitName kBitNames[] = {
    {Caps::storage16, "storage16"},
    {Caps::storage8, "storage8"},
    {Caps::float16, "float16"},
    {Caps::int8, "int8"},
    {Caps::dot8, "dot8"},
    {Caps::dot8_fast, "dot8_fast"},
    {Caps::subgroup, "subgroup"},
    {Caps::timestamps, "timestamps"},
    {Caps::host_cached, "host_cached"},
    {Caps::unified, "unified"},
    {Caps::int16, "int16"},
    {Caps::lanes, "lanes"},
};

constexpr Int8Path kInt8Paths[] = {Int8Path::dot, Int8Path::shift, Int8Path::f32};
constexpr DeviceType kDeviceTypes[] = {DeviceType::other, DeviceType::integrated, DeviceType::discrete,
                                       DeviceType::virtual_gpu, DeviceType::cpu};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Calls `take(word)` for each word between any of `separators`; stops at the first false.
template <class Take>
bool for_each_word(std::string_view text, std::string_view separators, Take take) {
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return true;
    const size_t end = text.find_first_of(separators, begin);
    if (!take(text.substr(begin, end == std::string_view::npos ? end : end - begin))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end);
  }
  return true;
}

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  Number parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  out = parsed;
  return true;
}

bool parse_triple(std::string_view text, std::array<uint32_t, 3>& out) {
  std::array<uint32_t, 3> parsed{};
  size_t count = 0;
  const bool fine = for_each_word(
      text, " \tx", [&](std::string_view word) { return count < 3 && parse_number(word, parsed[count++]); });
  if (!fine || count != 3) return false;
  out = parsed;
  return true;
}

bool parse_bits(std::string_view text, uint32_t& out) {
  uint32_t parsed = 0;
  const bool fine = for_each_word(text, " \t+|", [&](std::string_view word) {
    if (word == "none") return true;
    for (const BitName& row : kBitNames) {
      if (word != row.name) continue;
      parsed |= row.bit;
      return true;
    }
    return false;
  });
  if (fine) out = parsed;
  return fine;
}

bool parse_version(std::string_view text, uint32_t& out) {
  uint32_t parts[3] = {0, 0, 0};
  size_t count = 0;
  const bool fine =
      for_each_word(text, ".", [&](std::string_view word) { return count < 3 && parse_number(word, parts[count++]); });
  // Field widths of VK_MAKE_API_VERSION: 7, 10 and 12 bits.
  if (!fine || count < 2 || parts[0] > 127 || parts[1] > 1023 || parts[2] > 4095) return false;
  out = parts[0] << 22 | parts[1] << 12 | parts[2];
  return true;
}

template <class Enum, size_t n>
bool parse_enum(std::string_view text, const Enum (&values)[n], Enum& out) {
  for (Enum value : values) {
    if (text != to_string(value)) continue;
    out = value;
    return true;
  }
  return false;
}

// One visitor names each field once, for writing and for reading.
template <class CapsType, class Visitor>
void visit_fields(CapsType& caps, Visitor&& visit) {
  visit.name("device_name", caps.device_name);
  visit.choice("device_type", caps.device_type, kDeviceTypes);
  visit.version("api_version", caps.api_version);
  visit.number("vendor_id", caps.vendor_id);
  visit.number("device_id", caps.device_id);
  visit.number("driver_id", caps.driver_id);
  visit.number("driver_version", caps.driver_version);
  visit.bits("bits", caps.bits);
  visit.choice("int8_path", caps.int8_path, kInt8Paths);
  visit.number("max_storage_buffers", caps.max_storage_buffers);
  visit.triple("max_workgroup_size", caps.max_workgroup_size);
  visit.number("max_workgroup_invocations", caps.max_workgroup_invocations);
  visit.triple("max_workgroup_count", caps.max_workgroup_count);
  visit.number("shared_bytes", caps.shared_bytes);
  visit.number("max_buffer_range", caps.max_buffer_range);
  visit.number("max_allocation", caps.max_allocation);
  visit.number("memory_bytes", caps.memory_bytes);
  visit.number("offset_alignment", caps.offset_alignment);
  visit.number("push_bytes", caps.push_bytes);
  visit.number("subgroup_size", caps.subgroup_size);
  visit.number("non_coherent_atom", caps.non_coherent_atom);
}

struct Writer {
  std::string out;

  void line(const char* key, const std::string& value) { out += format("%s = %s\n", key, value.c_str()); }
  void name(const char* key, const std::string& value) { line(key, value); }
  void version(const char* key, uint32_t value) { line(key, version_to_text(value)); }
  void bits(const char* key, uint32_t value) { line(key, bits_to_text(value)); }
  void number(const char* key, uint64_t value) { line(key, std::to_string(value)); }
  void triple(const char* key, const std::array<uint32_t, 3>& v) { line(key, format("%u %u %u", v[0], v[1], v[2])); }
  template <class Enum, size_t n>
  void choice(const char* key, Enum value, const Enum (&)[n]) {
    line(key, to_string(value));
  }
};

struct FieldReader {
  std::string_view key;
  std::string_view value;
  const char* expected = nullptr;  // set when the key was met
  bool fine = false;

  template <class Parse>
  void field(const char* name, const char* what, Parse parse) {
    if (key != name) return;
    expected = what;
    fine = parse();
  }
  void name(const char* n, std::string& out) {
    field(n, "a name", [&] {
      out = value;
      return true;
    });
  }
  void version(const char* n, uint32_t& out) {
    field(n, "a version such as 1.1.0", [&] { return parse_version(value, out); });
  }
  void bits(const char* n, uint32_t& out) {
    field(n,
          "words of: none storage16 storage8 float16 int8 int16 dot8 dot8_fast subgroup lanes timestamps host_cached "
          "unified",
          [&] { return parse_bits(value, out); });
  }
  template <class Number>
  void number(const char* n, Number& out) {
    field(n, "a whole number that fits", [&] { return parse_number(value, out); });
  }
  void triple(const char* n, std::array<uint32_t, 3>& out) {
    field(n, "three whole numbers", [&] { return parse_triple(value, out); });
  }
  template <class Enum, size_t n>
  void choice(const char* key_name, Enum& out, const Enum (&values)[n]) {
    field(key_name, "one of its words", [&] { return parse_enum(value, values, out); });
  }
};

}  // namespace

std::string to_text(const Caps& caps) {
  Writer writer;
  visit_fields(caps, writer);
  return std::move(writer.out);
}

Status set_caps_field(Caps& caps, std::string_view key, std::string_view value, const std::string& where) {
  FieldReader reader{trim(key), trim(value)};
  visit_fields(caps, reader);
  const std::string shown_key(reader.key.substr(0, 64)), shown_value(reader.value.substr(0, 64));
  if (!reader.expected) {
    return Error{Code::invalid_argument, format("%s: unknown capability '%s'", where.c_str(), shown_key.c_str())};
  }
  if (!reader.fine) {
    return Error{Code::invalid_argument, format("%s: %s is '%s', expected %s", where.c_str(), shown_key.c_str(),
                                                shown_value.c_str(), reader.expected)};
  }
  return {};
}

Result<Caps> parse_text(std::string_view text) {
  Caps caps;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const size_t equals = line.find('=');
    const std::string where = format("capabilities, line %d", number);
    if (equals == std::string_view::npos) {
      return Error{Code::invalid_argument, where + ": expected 'key = value'"};
    }
    NBL_CHECK(set_caps_field(caps, line.substr(0, equals), line.substr(equals + 1), where));
  }
  return caps;
}

void keep_countable(Caps& caps) {
  const auto countable = [](auto& value) { value = std::max<std::remove_reference_t<decltype(value)>>(value, 1); };
  countable(caps.max_workgroup_invocations);
  for (auto& size : caps.max_workgroup_size) countable(size);
  for (auto& count : caps.max_workgroup_count) countable(count);
  countable(caps.subgroup_size);
}

std::string bits_to_text(uint32_t bits) {
  std::string out;
  for (const BitName& row : kBitNames) {
    if (bits & row.bit) out += (out.empty() ? "" : " ") + std::string(row.name);
  }
  return out.empty() ? "none" : out;
}

const char* to_string(Int8Path path) {
  switch (path) {
    case Int8Path::dot: return "dot";
    case Int8Path::shift: return "shift";
    case Int8Path::f32: return "f32";
  }
  return "?";
}

const char* to_string(DeviceType type) {
  switch (type) {
    case DeviceType::other: return "other";
    case DeviceType::integrated: return "integrated";
    case DeviceType::discrete: return "discrete";
    case DeviceType::virtual_gpu: return "virtual";
    case DeviceType::cpu: return "cpu";
  }
  return "?";
}

std::string version_to_text(uint32_t api_version) {
  return format("%u.%u.%u", api_version >> 22 & 127, api_version >> 12 & 1023, api_version & 4095);
}

Int8Path choose_int8_path(const Caps& caps) {
  if (caps.has(Caps::dot8 | Caps::dot8_fast)) return Int8Path::dot;
  return quirk_int8_path(caps).value_or(Int8Path::shift);
}

}  // namespace nibble::gpu
