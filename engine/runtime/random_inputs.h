// Inputs for measurements.
#pragma once

#include "nibble/result.h"
#include "runtime/bound_session.h"

namespace nibble {

// Fills the session's inputs with random numbers that are never zero, which would let drivers and processors take
// shortcuts. Floats lie in [-1, 1]; integers of 32 and 64 bits in 1..9, since they may be indices.
Status fill_with_random_numbers(BoundSession& bound, uint32_t seed);

}  // namespace nibble
