#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble {

const char* to_string(Code code) {
  switch (code) {
    case Code::invalid_argument: return "invalid argument";
    case Code::not_found: return "not found";
    case Code::corrupt_file: return "corrupt file";
    case Code::unsupported_version: return "unsupported version";
    case Code::unsupported_op: return "unsupported operator";
    case Code::unsupported_device: return "unsupported device";
    case Code::out_of_memory: return "out of memory";
    case Code::device_lost: return "device lost";
    case Code::io: return "input/output error";
    case Code::internal: return "internal error";
  }
  return "unknown";
}

const char* to_string(DType type) {
  switch (type) {
    case DType::f32: return "f32";
    case DType::f16: return "f16";
    case DType::i8: return "i8";
    case DType::u8: return "u8";
    case DType::i4: return "i4";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
    case DType::boolean: return "bool";
    case DType::lut4: return "lut4";
  }
  return "unknown";
}

size_t bytes_per_element(DType type) {
  switch (type) {
    case DType::f32: return 4;
    case DType::f16: return 2;
    case DType::i8: return 1;
    case DType::u8: return 1;
    case DType::i4: return 1;
    case DType::i32: return 4;
    case DType::i64: return 8;
    case DType::boolean: return 1;
    case DType::lut4: return 1;
  }
  return 1;
}

}  // namespace nibble
