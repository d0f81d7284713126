// Push constants and sizes of the probes, read by C++ and GLSL alike.
#ifndef NIBBLE_SHADERS_PROBE_PARAMS_H
#define NIBBLE_SHADERS_PROBE_PARAMS_H

// Arithmetic probes: invocation i starts from row i % NBL_PROBE_ROWS of a table of random numbers, so that the host can
// tell every result. A row has NBL_PROBE_ROW_VECTORS vectors of 4 words.
#define NBL_PROBE_ROWS 64
#define NBL_PROBE_ROW_VECTORS 5
// Steps of a round, and what an invocation does in a step.
#define NBL_PROBE_STEPS 64
#define NBL_PROBE_MOST_VECTORS 4         // how many suit a device best is tried
#define NBL_PROBE_FMA_OPERATIONS 8       // of each vector: 4 multiply-adds
#define NBL_PROBE_DOT_OPERATIONS 32      // of each vector: 4 dot products of 4
#define NBL_PROBE_UNPACK_OPERATIONS 32   // 4 words of 4 bytes, one multiply-add each; of nibbles twice as many
#define NBL_PROBE_UNPACK_TURN 0x9E3779B9u // added to each word in each step, so that none repeats
// Vectors that an invocation reads and copies in a round.
#define NBL_PROBE_READ_VECTORS 16
#define NBL_PROBE_COPY_VECTORS 4

#ifdef __cplusplus
#include <cstdint>
namespace nibble::params {
using uint = uint32_t;
#endif

struct ProbeParams {
  uint rounds;
  uint groups;  // read.comp, copy.comp: workgroups that cover the buffer once, a power of two
};

#ifdef __cplusplus
}  // namespace nibble::params
#endif
#endif
