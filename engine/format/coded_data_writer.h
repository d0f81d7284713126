// Makes section ZDAT.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "format/data_layout.h"
#include "nibble/result.h"

namespace nibble {

// A zstd frame of the given bytes. The engine has no compressor of its own: converter/encode has.
using DataCompressor = std::function<Result<std::vector<std::byte>>(std::span<const std::byte>)>;

// The section of a layout that is placed: runs of equal elements as chunks, each compressed or, where that gains
// nothing, stored. The same layout gives the same bytes.
Result<std::vector<std::byte>> encode_data(const DataLayout& layout, const DataCompressor& compress);

}  // namespace nibble
