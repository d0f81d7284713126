// The checkout that the tests were built from. __FILE__ does not tell: a compiler cache may make it relative.
#pragma once

#include <filesystem>

namespace nibble::test {

// Absolute path of the repository's root.
std::filesystem::path source_folder();

}  // namespace nibble::test
