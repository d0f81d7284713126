#include "nibble/version.h"

#define NBL_TEXT_(x) #x
#define NBL_TEXT(x) NBL_TEXT_(x)

namespace nibble {

const char* version() {
  return NBL_TEXT(NBL_VERSION_MAJOR) "." NBL_TEXT(NBL_VERSION_MINOR) "." NBL_TEXT(NBL_VERSION_PATCH);
}

}  // namespace nibble
