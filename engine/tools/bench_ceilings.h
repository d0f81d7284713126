// What a device does at best, measured by small kernels: the ceilings that networks are held against. Every kernel
// works on random numbers, and every result is compared with the host's, so that no work can be left out unseen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpu/device.h"

namespace nibble::tools {

// Of a buffer of `bytes`: bytes per second, a copy's read and written ones together.
struct Bandwidth {
  uint64_t bytes = 0;
  double read = 0, copy = 0;
};

// Operations per second: a multiply-add counts as two, a dot product of four as eight. Absent where the device lacks
// the feature.
struct Ceilings {
  double fp32 = 0;                         // multiply-adds from registers
  std::optional<double> fp16;              // the same in fp16 arithmetic
  std::optional<double> int8_dot;          // packed dot product instruction
  double int8_shift = 0, int8_f32 = 0;     // bytes unpacked by shifts; as floats, exact
  double unpack_i8 = 0, unpack_i4 = 0;     // weights unpacked to floats, one multiply-add each
  std::vector<Bandwidth> bandwidths;       // from a buffer that fits in a cache to one that does not
  double dispatch_ns = 0, barrier_ns = 0;  // one dispatch more; one with a barrier before it
  double int8() const;                     // the best of the three ways
  double copy() const;                     // of the largest buffer
  // The best that was measured on a buffer of at least so many bytes (or the largest): what a step that touches them
  // all can hope for.
  double bandwidth(uint64_t bytes) const;
};

// Takes some seconds on a software driver. Errors: what the device says, and a result that is not the host's, which
// names the kernel.
Result<Ceilings> measure_ceilings(const gpu::Device& device);

// The parts of it.
Result<double> measure_arithmetic(const gpu::Device& device, const std::string& kernel);
// `bytes`: a power of two, at least 16 KiB. Of `cached` buffers one dispatch moves all bytes many times, else each
// dispatch once.
Result<Bandwidth> measure_bandwidth(const gpu::Device& device, uint64_t bytes, bool cached);
struct DispatchCost {
  double plain_ns = 0, barrier_ns = 0;
};
Result<DispatchCost> measure_dispatches(const gpu::Device& device);

// How long a probe must at least take to be measured well: short on devices that can be timed precisely, since a short
// run has the better chance to be left alone.
double probe_target_ns(const gpu::Caps& caps);

}  // namespace nibble::tools
