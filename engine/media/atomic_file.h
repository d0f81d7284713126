// Output files that are either complete or not there: nibble's own, under the names that media uses.
#pragma once

#include "core/atomic_file.h"

namespace nibble::media {

using nibble::AtomicFile;
using nibble::write_file_atomically;

}  // namespace nibble::media
