#include "core/rule.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace nibble {

Error broken_rule(std::string message, [[maybe_unused]] Code code) {
#if defined(NIBBLE_ASSERT_RULES)
  std::fprintf(stderr, "nibble: a rule was broken: %s\n", message.c_str());
  std::abort();
#else
  return {code, std::move(message)};
#endif
}

}  // namespace nibble
