// printf-style formatting into std::string.
#pragma once

#include <string>

namespace nibble {

#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 1, 2)))  // "printf" would mean that of Windows, which knows no %zu
#elif defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
std::string
format(const char* pattern, ...);

}  // namespace nibble
