// Members of a JSON object, taken with errors that name the place.
#pragma once

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/text.h"
#include "core/try.h"
#include "nibble/result.h"

namespace nibble::plan {

using Json = nlohmann::ordered_json;

// A document, not nested without end; discarded when it is no JSON.
inline Json parse_document(const std::string& text) {
  constexpr int kMaxDepth = 8;  // deeper than any plan or table
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json json = Json::parse(text, watch_depth, false);
  return too_deep ? Json(Json::value_t::discarded) : json;
}

// Reads one object. The first thing that is wrong is kept, everything after it is skipped: take all members, then ask
// finish().
class ObjectReader {
 public:
  ObjectReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) fail(where_, "an object", json_);
  }

  void text(const char* name, std::string& out) {
    if (const Json* j = member(name, "text", [](const Json& v) { return v.is_string(); })) out = j->get<std::string>();
  }
  void flag(const char* name, bool& out) {
    if (const Json* j = member(name, "true or false", [](const Json& v) { return v.is_boolean(); }))
      out = j->get<bool>();
  }
  // Whole numbers from 0 on.
  template <class T>
  void count(const char* name, T& out) {
    const auto fits = [](const Json& v) {
      return v.is_number_unsigned() && v.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max());
    };
    if (const Json* j = member(name, "a whole number", fits)) out = static_cast<T>(j->get<uint64_t>());
  }
  void number(const char* name, float& out) {
    const auto fits = [](const Json& v) { return v.is_number() && std::isfinite(v.get<float>()); };
    if (const Json* j = member(name, "a finite number", fits)) out = j->get<float>();
  }
  // Calls `take` with each element and its place.
  void list(const char* name, const std::function<Status(const Json&, const std::string&)>& take) {
    const Json* j = member(name, "a list", [](const Json& v) { return v.is_array(); });
    for (size_t i = 0; j && status_ && i < j->size(); ++i) keep(take((*j)[i], place(name) + format("[%zu]", i)));
  }
  void texts(const char* name, std::map<std::string, std::string>& out) {
    const Json* j = member(name, "an object", [](const Json& v) { return v.is_object(); });
    if (!j) return;
    for (const auto& [key, value] : j->items()) {
      if (!value.is_string()) return fail(place(name) + "." + key, "text", value);
      out[key] = value.get<std::string>();
    }
  }
  Status finish() {
    if (!status_) return status_;
    for (const auto& [key, value] : json_.items()) {
      if (!known_.contains(key)) return Error{Code::invalid_argument, place(key) + ": not known"};
    }
    return {};
  }

 private:
  std::string place(const std::string& name) const { return where_.empty() ? name : where_ + "." + name; }
  void keep(Status status) {
    if (status_) status_ = std::move(status);
  }
  void fail(const std::string& at, const char* expected, const Json& found) {
    std::string text = found.is_array()    ? "a list"
                       : found.is_object() ? "an object"
                                           : found.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    keep(Error{Code::invalid_argument,
               (at.empty() ? "the document" : at) + ": expected " + expected + ", found " + text});
  }
  const Json* member(const char* name, const char* expected, const std::function<bool(const Json&)>& fits) {
    known_.insert(name);
    if (!status_) return nullptr;
    const auto found = json_.find(name);
    if (found == json_.end()) {
      keep(Error{Code::invalid_argument, place(name) + ": missing"});
      return nullptr;
    }
    if (!fits(*found)) {
      fail(place(name), expected, *found);
      return nullptr;
    }
    return &*found;
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> known_;
  Status status_;
};

}  // namespace nibble::plan
