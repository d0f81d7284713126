// Rules of the API that an application broke.
#pragma once

#include <string>

#include "nibble/result.h"

namespace nibble {

// The error that says which rule it was. Where the engine is built with NIBBLE_ASSERT_RULES the program ends here
// instead, with the same words on standard error, so that a debugger shows who broke it.
Error broken_rule(std::string message, Code code = Code::invalid_argument);

}  // namespace nibble
