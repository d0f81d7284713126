// The text header of a .npy file: a Python dictionary literal with three known keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/result.h"

namespace nibble::media {

struct NpyHeader {
  std::string descr;  // such as "<f4"
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

Result<NpyHeader> parse_npy_header(std::string_view text);
std::string print_npy_header(const NpyHeader& header);

}  // namespace nibble::media
