// Compresses the constants of a file for its section ZDAT.
#pragma once

#include "format/writer.h"
#include "nibble/result.h"

namespace nibble::encode {

// False in builds without zstd (CMake: NIBBLE_ZSTD).
bool can_compress();

// One zstd frame with its length in its header, no checksum (the section has one). The same bytes give the same frame
// with the same version of the library.
Result<DataCompressor> zstd_compressor();

// How a file is written with or without compressed constants.
Result<WriteOptions> write_options(bool entropy_code);

}  // namespace nibble::encode
