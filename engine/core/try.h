// Early return of errors.
#pragma once

#include "nibble/result.h"

#define NBL_CONCAT_(a, b) a##b
#define NBL_CONCAT(a, b) NBL_CONCAT_(a, b)

// NBL_TRY(auto x, f()): x = *f(), or return the error of f().
#define NBL_TRY(declaration, expression) NBL_TRY_(declaration, expression, NBL_CONCAT(nbl_try_, __LINE__))
#define NBL_TRY_(declaration, expression, name) \
  auto name = (expression);                     \
  if (!name) return std::move(name).error();    \
  declaration = *std::move(name)

// NBL_CHECK(f()): return the error of f(), if any.
#define NBL_CHECK(expression)                                                              \
  do {                                                                                     \
    if (auto nbl_status = (expression); !nbl_status) return std::move(nbl_status).error(); \
  } while (0)
