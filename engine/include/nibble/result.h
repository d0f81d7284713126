// Errors as values: Result<T> holds a T or an Error, Status holds nothing or an Error.
// Spelled like std::expected, so that it can become an alias of it one day.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

#if defined(__cpp_exceptions)
#include <stdexcept>
#endif
#include "nibble/export.h"

// Only value() throws, and only where exceptions are on.
namespace nibble {

enum class Code {
  invalid_argument,     // the caller passed something that cannot be meant
  not_found,            // a file, a name or a device that does not exist
  corrupt_file,         // a file that is damaged or not of the expected kind
  unsupported_version,  // a file newer than this library
  unsupported_op,       // an operator, or an attribute of one, that is not supported
  unsupported_device,   // a Vulkan device that lacks what is needed
  out_of_memory,        // host or device memory
  device_lost,          // the GPU was reset or removed; make a new Device
  io,                   // reading or writing failed
  internal,             // a bug in nibble
};

NBL_API const char* to_string(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;

  // Puts "where: " in front of the message.
  Error with_context(const std::string& where) && {
    message = where + ": " + message;
    return std::move(*this);
  }
};

#if defined(__cpp_exceptions)
// Thrown by Result::value() only; nothing else in the library throws.
class NBL_API Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.message), code_(error.code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};
#endif

[[noreturn]] inline void raise(const Error& error) {
#if defined(__cpp_exceptions)
  throw Exception(error);
#else
  std::fprintf(stderr, "nibble: %s\n", error.message.c_str());
  std::abort();
#endif
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  bool has_value() const { return state_.index() == 0; }

  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  // The value, or an Exception (an abort where exceptions are off).
  T& value() & {
    if (!has_value()) raise(error());
    return std::get<0>(state_);
  }
  // By value, so that a loop over f().value() is over something that lives.
  T value() && {
    if (!has_value()) raise(error());
    return std::get<0>(std::move(state_));
  }
  T value_or(T other) && { return has_value() ? std::get<0>(std::move(state_)) : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  explicit operator bool() const { return ok_; }
  bool has_value() const { return ok_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }
  void value() const {
    if (!ok_) raise(error_);
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace nibble
