#include "media/json_fields.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"

namespace nibble::media {
namespace {

using nlohmann::json;

// Short enough for one line, whatever the file holds.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  constexpr size_t kMaxShown = 60;
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

}  // namespace

Result<json> parse_json_object(std::string_view text) {
  constexpr int kMaxDepth = 8;  // deeper than any setting; nesting without end is cut off early
  bool too_deep = false;
  const auto watch_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  // The library reports the position by exception only; it goes no further than this.
  try {
    json value = json::parse(text.begin(), text.end(), watch_depth);
    if (too_deep) return Error{Code::invalid_argument, "JSON is nested too deeply"};
    if (!value.is_object()) return Error{Code::invalid_argument, "a JSON object was expected, found " + shown(value)};
    return value;
  } catch (const json::parse_error& error) {
    return Error{Code::invalid_argument, format("not valid JSON: error at byte %zu", error.byte)};
  } catch (const json::exception&) {
    return Error{Code::invalid_argument, "not valid JSON: a number is out of range"};
  }
}

Error wrong_type(const std::string& key, const char* expected, const json& found) {
  return Error{Code::invalid_argument,
               format("'%s' must be %s, found %s", key.c_str(), expected, shown(found).c_str())};
}

Status check_keys(const json& object, const char* prefix, std::initializer_list<const char*> known) {
  for (const auto& item : object.items()) {
    const auto same = [&](const char* name) { return item.key() == name; };
    if (std::any_of(known.begin(), known.end(), same)) continue;
    std::string names;
    for (const char* name : known) names += (names.empty() ? "" : ", ") + std::string(name);
    return Error{Code::invalid_argument,
                 format("unknown key '%s%s'; known are %s", prefix, item.key().c_str(), names.c_str())};
  }
  return {};
}

Result<int> json_int(const json& value, const std::string& key, int least, int most) {
  const std::string expected = format("a whole number from %d to %d", least, most);
  if (!value.is_number_integer()) return wrong_type(key, expected.c_str(), value);
  const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t number = huge ? INT64_MAX : value.get<int64_t>();
  if (number < least || number > most) return wrong_type(key, expected.c_str(), value);
  return static_cast<int>(number);
}

Result<double> json_number(const json& value, const std::string& key) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) return wrong_type(key, "a number", value);
  return value.get<double>();
}

Result<std::string> json_text(const json& value, const std::string& key) {
  if (!value.is_string()) return wrong_type(key, "a text", value);
  return value.get<std::string>();
}

}  // namespace nibble::media
