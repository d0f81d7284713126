// What a device can do, as plain data: selection and lowering read this and never ask Vulkan.
// A default-made Caps is the least that Vulkan 1.1 lets any device report (Vulkan specification, "Required Limits").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "nibble/result.h"

namespace nibble::gpu {

// How int8 products are formed. All three are exact; which is fastest differs by device.
enum class Int8Path : uint8_t {
  dot,    // the packed 4x8 integer dot product instruction
  shift,  // bytes unpacked by shifts, int32 multiply-add
  f32,    // bytes unpacked to floats, sums of bounded length in fp32, then int32
};

// The values of VkPhysicalDeviceType.
enum class DeviceType : uint8_t { other = 0, integrated = 1, discrete = 2, virtual_gpu = 3, cpu = 4 };

struct Caps {
  enum Bit : uint32_t {
    none = 0,
    storage16 = 1,      // 16-bit types in storage buffers
    storage8 = 2,       // 8-bit types in storage buffers
    float16 = 4,        // fp16 arithmetic
    int8 = 8,           // int8 arithmetic
    dot8 = 16,          // integer dot product instructions exist
    dot8_fast = 32,     // and the packed signed 4x8 one is reported as accelerated
    subgroup = 64,      // subgroup arithmetic and shuffle in compute shaders
    timestamps = 128,   // the compute queue writes timestamps
    host_cached = 256,  // a host-cached memory type: fast reading back
    unified = 512,      // device-local memory that the host reads (cached) and writes: no staging copies
    int16 = 1024,       // int16 arithmetic
    // Subgroup shuffle and swaps within quads in compute shaders of a CPU, whose lanes are those of its vectors (4 to 16):
    // reading another lane costs less than a load.
    lanes = 2048,
    all_bits = 4095,
  };

  uint32_t bits = none;
  uint32_t api_version = 1u << 22 | 1u << 12;  // as VK_MAKE_API_VERSION encodes it; 1.1.0
  uint32_t vendor_id = 0;
  uint32_t device_id = 0;
  uint32_t driver_id = 0;  // VkDriverId, 0 = unknown
  uint32_t driver_version = 0;
  DeviceType device_type = DeviceType::other;
  std::string device_name = "unnamed";

  uint32_t max_storage_buffers = 4;  // least of per stage, per set and the per-stage resources
  std::array<uint32_t, 3> max_workgroup_size = {128, 128, 64};
  uint32_t max_workgroup_invocations = 128;
  std::array<uint32_t, 3> max_workgroup_count = {65535, 65535, 65535};
  uint32_t shared_bytes = 16384;
  uint64_t max_buffer_range = 1u << 27;  // bytes that one storage-buffer binding can reach
  uint64_t max_allocation = 1u << 30;    // bytes of the largest buffer with its own memory
  uint64_t memory_bytes = UINT64_MAX;    // that a network may take, see memory_bytes(); UINT64_MAX where not known
  uint32_t offset_alignment = 256;       // bytes; binding offsets are multiples of this
  uint32_t push_bytes = 128;
  uint32_t subgroup_size = 1;
  uint32_t non_coherent_atom = 256;  // bytes; flushes and invalidates of mapped memory are rounded to this

  Int8Path int8_path = Int8Path::shift;

  bool has(uint32_t needed) const { return (bits & needed) == needed; }
  bool operator==(const Caps&) const = default;
};

// "key = value" lines, in a fixed order, for golden tests and reports.
std::string to_text(const Caps& caps);

// The reverse. Absent keys keep Vulkan's required minimum; '#' starts a comment; unknown keys, words or numbers are
// errors that name the line.
Result<Caps> parse_text(std::string_view text);

// Sets one field from its text form. `where` names the source in errors.
Status set_caps_field(Caps& caps, std::string_view key, std::string_view value, const std::string& where);

// A file or a mask may say anything; counts that tiles are divided by become at least one.
void keep_countable(Caps& caps);

// "storage16 dot8", or "none".
std::string bits_to_text(uint32_t bits);

const char* to_string(Int8Path path);
const char* to_string(DeviceType type);

// "1.3.230" of an encoded version.
std::string version_to_text(uint32_t api_version);

// dot where accelerated, else what is known of the driver (quirks.h), else shift.
Int8Path choose_int8_path(const Caps& caps);

}  // namespace nibble::gpu
