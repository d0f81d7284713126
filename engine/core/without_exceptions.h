// Where the library's errors are made of what the standard library throws.
#pragma once

#include "nibble/result.h"

#if defined(__cpp_exceptions)
#include <new>
#endif

namespace nibble {

// Calls `body`, which returns a Result; memory that cannot be had becomes an error of it.
template <class Body>
auto without_exceptions(Body&& body) -> decltype(body()) {
#if defined(__cpp_exceptions)
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{Code::out_of_memory, "the host has not enough memory"};
  }
#else
  return body();
#endif
}

}  // namespace nibble
