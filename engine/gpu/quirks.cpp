#include "gpu/quirks.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kAnyVersion = 0xffffffffu;

// Figures: 512x512x512 GEMM on two cores of a Zen 4 server, best of 8, GOP/s of packed dot / shifts / fp32.
constexpr Quirk kQuirks[] = {
    {"SwiftShader", 10, 0, kAnyVersion, "integer multiplies and shifts are slow, fp32 is not: 2.8 / 4.5 / 10.1",
     "measured, SwiftShader of Chromium in Debian 12", Int8Path::f32},
    {"llvmpipe", 13, 0, kAnyVersion, "the packed dot product is expanded instruction by instruction: 37 / 59 / 31",
     "measured, Mesa 22.3.6, LLVM 15", Int8Path::shift},
};

bool matches(const Quirk& quirk, const Caps& caps) {
  return caps.driver_id == quirk.driver_id && caps.driver_version >= quirk.first_driver_version &&
         caps.driver_version <= quirk.last_driver_version;
}

}  // namespace

std::span<const Quirk> quirks() { return kQuirks; }

std::optional<Int8Path> quirk_int8_path(const Caps& caps) {
  for (const Quirk& quirk : kQuirks) {
    if (quirk.int8_path && matches(quirk, caps)) return quirk.int8_path;
  }
  return std::nullopt;
}

}  // namespace nibble::gpu
