#include "ops/contract.h"

namespace nibble {

const char* to_string(UnaryKind kind) {
  switch (kind) {
#define NBL_UNARY(id, name, formula) \
  case UnaryKind::name:              \
    return #name;
#include "../../shaders/unary.inc"
#undef NBL_UNARY
  }
  return "unknown";
}

const char* to_string(BinaryKind kind) {
  switch (kind) {
#define NBL_BINARY(id, name, formula) \
  case BinaryKind::name:              \
    return #name;
#include "../../shaders/binary.inc"
#undef NBL_BINARY
  }
  return "unknown";
}

bool is_valid(UnaryKind kind) {
  switch (kind) {
#define NBL_UNARY(id, name, formula) case UnaryKind::name:
#include "../../shaders/unary.inc"
#undef NBL_UNARY
    return true;
  }
  return false;
}

bool is_valid(BinaryKind kind) {
  switch (kind) {
#define NBL_BINARY(id, name, formula) case BinaryKind::name:
#include "../../shaders/binary.inc"
#undef NBL_BINARY
    return true;
  }
  return false;
}

}  // namespace nibble
