// What the handles of the C API hold, and how errors, structures and exceptions pass its boundary.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#if defined(__cpp_exceptions)
#include <exception>
#include <new>
#endif

#include "core/try.h"
#include "nibble/nibble.h"
#include "nibble/nibble_c.h"

struct nbl_error {
  nibble::Error error;
};
struct nbl_device_list {
  std::vector<nibble::DeviceInfo> devices;
};
struct nbl_device {
  nibble::Device device;
};
struct nbl_model {
  nibble::Model model;
};
struct nbl_session {
  nibble::Session session;
  std::vector<std::string> tensor_names;
  std::vector<nibble::StepTime> times;  // of the last nbl_session_profile
};

struct nbl_preparation {
  nibble::Preparation preparation;
};

namespace nibble::c {

// Never null: when there is no memory for it, one that is always there.
nbl_error* make_error(const char* function, Error error);

// Runs `body`, which returns a Status, and lets nothing but an nbl_error out.
template <class Body>
nbl_error* guarded(const char* function, Body&& body) noexcept {
#if defined(__cpp_exceptions)
  try {
#endif
    Status status = body();
    return status ? nullptr : make_error(function, status.error());
#if defined(__cpp_exceptions)
  } catch (const std::bad_alloc&) {
    return make_error(function, Error{Code::out_of_memory, {}});
  } catch (const std::exception& e) {
    return make_error(function, Error{Code::internal, e.what()});
  }
#endif
}

inline Status need(const void* argument, const char* name) {
  if (argument) return {};
  return Error{Code::invalid_argument, std::string(name) + " is NULL"};
}

// The application's structure as this library knows it: what an older application does not have is zero. An error when
// a newer one uses what this library does not know.
template <class T>
Result<T> read_struct(const T* given, const char* name) {
  T value{};
  value.struct_size = sizeof(T);
  if (!given) return value;
  const uint32_t size = given->struct_size;
  // Longer than any structure will ever be: not initialized.
  if (size < sizeof(uint32_t) || size > 4096) {
    return Error{Code::invalid_argument, std::string(name) + ".struct_size is " + std::to_string(size) + ", expected " +
                                             std::to_string(sizeof(T)) + ": use NBL_INIT"};
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(T); i < size; ++i) {
    if (bytes[i] == 0) continue;
    return Error{Code::unsupported_version, std::string(name) + " has a member set at byte " + std::to_string(i) +
                                                " that this library does not know: it is older than the application"};
  }
  std::memcpy(&value, given, size < sizeof(T) ? size : sizeof(T));
  value.struct_size = sizeof(T);
  return value;
}

// Whether a structure that may be left out could be filled: asked before the work whose result goes there is done.
template <class T>
Status check_struct(const T* out, const char* name) {
  if (!out || (out->struct_size >= sizeof(uint32_t) && out->struct_size <= 4096)) return {};
  return Error{Code::invalid_argument, std::string(name) + "->struct_size is " + std::to_string(out->struct_size) +
                                           ", expected " + std::to_string(sizeof(T)) + ": use NBL_INIT"};
}

// Fills as much of the application's structure as it has; the rest of a newer one becomes zero.
template <class T>
Status write_struct(T* out, T value, const char* name) {
  NBL_CHECK(need(out, name));
  NBL_CHECK(check_struct(out, name));
  const uint32_t size = out->struct_size;
  value.struct_size = size;
  std::memcpy(out, &value, size < sizeof(T) ? size : sizeof(T));
  if (size > sizeof(T)) std::memset(reinterpret_cast<unsigned char*>(out) + sizeof(T), 0, size - sizeof(T));
  return {};
}

Status write_info(const std::vector<TensorInfo>& infos, size_t index, nbl_tensor_info* out, const char* what);
Result<SessionOptions> options_of(const nbl_session_options* options);
Status write_slice(nbl_slice* out, const RunSlice& slice);
Result<std::chrono::nanoseconds> duration_of(uint64_t ns, const char* name);
Result<std::map<std::string, int64_t>> dims_of(const nbl_dim* dims, size_t count);

inline std::string text_of(const char* text) { return text ? text : std::string(); }
// For nbl_string_free; null without memory.
char* copy_text(const std::string& text) noexcept;

}  // namespace nibble::c
