// Lists of texts that begin alike, as names of layers do: each one is stored as the number of bytes it shares with the
// one before it and the bytes that follow.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble {

// Texts of at most 16,383 bytes.
std::vector<uint8_t> front_code(const std::vector<std::string>& texts);

// Refuses texts longer than `max_bytes`, and lists of more than `max_total` bytes (each text counting 32 more).
Result<std::vector<std::string>> front_decode(std::span<const uint8_t> coded, size_t max_bytes, uint64_t max_total);

}  // namespace nibble
