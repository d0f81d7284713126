// Capability masking: a real device pretends to be a smaller one, so that every path can be tested on any machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gpu/caps.h"

namespace nibble::gpu {

// An upper bound on capabilities. Default-made it hides nothing.
struct CapsMask {
  CapsMask();
  Caps bound;                         // alignments are lower bounds, everything else upper bounds
  std::optional<Int8Path> int8_path;  // forces a path; dot is ignored on a device without dot8
};

// The least that Vulkan 1.1 guarantees: 4 storage buffers, 128 invocations, 16 KiB of shared memory, a 128 MiB range,
// 256-byte offsets, no optional feature.
CapsMask minimum_mask();

// `text` is "minimum", or "key=value,key=value" with the keys of to_text(Caps), or the path of a file of such lines.
// Bits are separated by spaces, '+' or '|'. "minimum" may be followed by overrides: "minimum,int8_path=f32".
Result<CapsMask> parse_mask(std::string_view text);

// The mask in the environment variable NIBBLE_CAPS_MASK; one that hides nothing when that is unset or empty.
Result<CapsMask> mask_from_environment();

// What is left of `caps`. The device's identity (name, ids, driver) stays.
Caps mask(const Caps& caps, const CapsMask& by);

}  // namespace nibble::gpu
