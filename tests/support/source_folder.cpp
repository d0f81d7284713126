#include "tests/support/source_folder.h"

namespace nibble::test {

std::filesystem::path source_folder() { return NIBBLE_SOURCE_FOLDER; }

}  // namespace nibble::test
