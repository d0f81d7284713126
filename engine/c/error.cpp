#include <cstdlib>

#include "c/handles.h"

namespace nibble::c {
namespace {

nbl_error& no_memory() {
  static nbl_error error{{Code::out_of_memory, "out of memory"}};
  return error;
}

constexpr nbl_code code_of(Code code) { return static_cast<nbl_code>(code) + 1; }
static_assert(code_of(Code::invalid_argument) == NBL_INVALID_ARGUMENT && code_of(Code::not_found) == NBL_NOT_FOUND &&
              code_of(Code::corrupt_file) == NBL_CORRUPT_FILE &&
              code_of(Code::unsupported_version) == NBL_UNSUPPORTED_VERSION &&
              code_of(Code::unsupported_op) == NBL_UNSUPPORTED_OP &&
              code_of(Code::unsupported_device) == NBL_UNSUPPORTED_DEVICE &&
              code_of(Code::out_of_memory) == NBL_OUT_OF_MEMORY && code_of(Code::device_lost) == NBL_DEVICE_LOST &&
              code_of(Code::io) == NBL_IO && code_of(Code::internal) == NBL_INTERNAL);

}  // namespace

nbl_error* make_error(const char* function, Error error) {
  if (error.message.empty()) return &no_memory();
#if defined(__cpp_exceptions)
  try {
    return new nbl_error{std::move(error).with_context(function)};
  } catch (const std::exception&) {
    return &no_memory();
  }
#else
  return new nbl_error{std::move(error).with_context(function)};
#endif
}

char* copy_text(const std::string& text) noexcept {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace nibble::c

using namespace nibble::c;

uint32_t nbl_c_api_version() { return NBL_C_API_VERSION; }
const char* nbl_version() { return nibble::version(); }

nbl_code nbl_error_code(const nbl_error* error) { return error ? code_of(error->error.code) : NBL_OK; }
const char* nbl_error_message(const nbl_error* error) { return error ? error->error.message.c_str() : ""; }
void nbl_error_free(nbl_error* error) {
  if (error != &no_memory()) delete error;
}
void nbl_string_free(char* string) { std::free(string); }
