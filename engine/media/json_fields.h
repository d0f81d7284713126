// Reading settings from JSON with errors that name the key.
#pragma once

#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "nibble/result.h"

namespace nibble::media {

// Exactly one object; the error of anything else has the position.
Result<nlohmann::json> parse_json_object(std::string_view text);

Error wrong_type(const std::string& key, const char* expected, const nlohmann::json& found);

// An error for the first key of `object` that is not in `known`; `prefix` is put in front of it in the message.
Status check_keys(const nlohmann::json& object, const char* prefix, std::initializer_list<const char*> known);

Result<int> json_int(const nlohmann::json& value, const std::string& key, int least, int most);
Result<double> json_number(const nlohmann::json& value, const std::string& key);
Result<std::string> json_text(const nlohmann::json& value, const std::string& key);

template <class T>
Result<T> json_choice(const nlohmann::json& value, const std::string& key,
                      std::initializer_list<std::pair<const char*, T>> choices) {
  std::string names;
  for (const auto& [name, meaning] : choices) {
    if (value.is_string() && value.get_ref<const std::string&>() == name) return meaning;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return wrong_type(key, ("one of " + names).c_str(), value);
}

}  // namespace nibble::media
