// printf-style formatting into std::string.
#pragma once

#include <string>

namespace nibble {

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
std::string
format(const char* pattern, ...);

}  // namespace nibble
