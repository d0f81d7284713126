#include "tools/bench_ceilings.h"

#include <algorithm>

#include "core/try.h"

namespace nibble::tools {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Beyond the caches of the device's kind, within what it can bind.
uint64_t memory_bytes(const gpu::Caps& caps) {
  uint64_t bytes = caps.device_type == gpu::DeviceType::discrete ? 256 * kMiB : 64 * kMiB;
  while (bytes > caps.max_buffer_range || bytes > caps.max_allocation) bytes /= 2;
  return bytes;
}

}  // namespace

double Ceilings::int8() const { return std::max({int8_dot.value_or(0.0), int8_shift, int8_f32}); }

double Ceilings::bandwidth(uint64_t bytes) const {
  double best = 0;
  for (const Bandwidth& b : bandwidths) {
    if (b.bytes >= bytes || &b == &bandwidths.back()) best = std::max({best, b.read, b.copy});
  }
  return best;
}

double Ceilings::copy() const { return bandwidths.empty() ? 0.0 : bandwidths.back().copy; }

double probe_target_ns(const gpu::Caps& caps) { return caps.has(gpu::Caps::timestamps) ? 2e6 : 10e6; }

Result<Ceilings> measure_ceilings(const gpu::Device& device) {
  const gpu::Caps& caps = device.caps();
  Ceilings out;
  NBL_TRY(out.fp32, measure_arithmetic(device, "fma_f32"));
  if (caps.has(gpu::Caps::float16)) {
    NBL_TRY(out.fp16, measure_arithmetic(device, "fma_f16"));
  }
  if (caps.has(gpu::Caps::dot8)) {
    NBL_TRY(out.int8_dot, measure_arithmetic(device, "dot_i8_dot"));
  }
  NBL_TRY(out.int8_shift, measure_arithmetic(device, "dot_i8_shift"));
  NBL_TRY(out.int8_f32, measure_arithmetic(device, "dot_i8_f32"));
  NBL_TRY(out.unpack_i8, measure_arithmetic(device, "unpack_i8_f32"));
  NBL_TRY(out.unpack_i4, measure_arithmetic(device, "unpack_i4_f32"));
  const uint64_t largest = memory_bytes(caps);
  for (const uint64_t bytes : {kMiB, 8 * kMiB, largest}) {
    NBL_TRY(const Bandwidth bandwidth, measure_bandwidth(device, bytes, bytes != largest));
    out.bandwidths.push_back(bandwidth);
  }
  NBL_TRY(const DispatchCost cost, measure_dispatches(device));
  out.dispatch_ns = cost.plain_ns, out.barrier_ns = cost.barrier_ns;
  return out;
}

}  // namespace nibble::tools
