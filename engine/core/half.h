// IEEE 754 binary16 as the 16 bits that files and devices hold.
#pragma once

#include <cstdint>

namespace nibble {

// Rounds to nearest, ties to even; too large becomes infinity, NaN stays NaN (quiet).
uint16_t half_from_float(float value);

// Exact.
float float_from_half(uint16_t bits);

}  // namespace nibble
