#include "tools/bench_floors.h"

#include <algorithm>

namespace nibble::tools {
namespace {

using Arithmetic = StepWork::Arithmetic;

double ns_of(double amount, double per_second) {
  return per_second > 0 && amount > 0 ? amount / per_second * 1e9 : 0.0;
}

double ceiling_of(const Ceilings& c, Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::fp16: return c.fp16.value_or(c.fp32);
    case Arithmetic::int8: return c.int8();
    case Arithmetic::fp32: break;
  }
  return c.fp32;
}

Bound bound_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::fp16: return Bound::fp16;
    case Arithmetic::int8: return Bound::int8;
    case Arithmetic::fp32: break;
  }
  return Bound::fp32;
}

}  // namespace

const char* to_string(Bound bound) {
  constexpr const char* kNames[] = {"fp32", "fp16", "int8", "unpack", "bandwidth", "dispatch"};
  return kNames[static_cast<size_t>(bound)];
}

Floor step_floor(const Ceilings& c, const StepWork& work) {
  const double dispatch = work.waits ? c.barrier_ns : c.dispatch_ns;
  const Floor parts[] = {
      {ns_of(2.0 * static_cast<double>(work.multiply_adds), ceiling_of(c, work.arithmetic)), bound_of(work.arithmetic)},
      {ns_of(2.0 * static_cast<double>(work.unpacked_int8), c.unpack_i8) +
           ns_of(2.0 * static_cast<double>(work.unpacked_int4), c.unpack_i4),
       Bound::unpack},
      {ns_of(static_cast<double>(work.bytes), c.bandwidth(work.bytes)), Bound::bandwidth}};
  const Floor longest =
      *std::max_element(std::begin(parts), std::end(parts), [](const Floor& a, const Floor& b) { return a.ns < b.ns; });
  return {longest.ns + dispatch, dispatch > longest.ns ? Bound::dispatch : longest.bound};
}

}  // namespace nibble::tools
