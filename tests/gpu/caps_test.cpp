#include "gpu/caps.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "gpu/caps_mask.h"
#include "gpu/quirks.h"

namespace nibble::gpu {
namespace {

Caps big_device() {
  Caps caps;
  caps.bits = Caps::all_bits;
  caps.api_version = 1u << 22 | 3u << 12 | 230;
  caps.vendor_id = 4318;
  caps.device_id = 7;
  caps.driver_id = 4;
  caps.driver_version = 0xfedcba98u;
  caps.device_type = DeviceType::discrete;
  caps.device_name = "A device = with signs";
  caps.max_storage_buffers = 1048576;
  caps.max_workgroup_size = {1536, 1024, 64};
  caps.max_workgroup_invocations = 1536;
  caps.max_workgroup_count = {2147483647, 65535, 65535};
  caps.shared_bytes = 49152;
  caps.max_buffer_range = 4294967295;
  caps.max_allocation = 9223372036854775807u;
  caps.memory_bytes = 17179869184u;
  caps.offset_alignment = 16;
  caps.push_bytes = 256;
  caps.subgroup_size = 32;
  caps.non_coherent_atom = 64;
  caps.int8_path = Int8Path::dot;
  return caps;
}

TEST(Caps, defaults_are_what_vulkan_1_1_requires) {
  EXPECT_EQ(to_text(Caps()),
            "device_name = unnamed\ndevice_type = other\napi_version = 1.1.0\nvendor_id = 0\ndevice_id = 0\n"
            "driver_id = 0\ndriver_version = 0\nbits = none\nint8_path = shift\nmax_storage_buffers = 4\n"
            "max_workgroup_size = 128 128 64\nmax_workgroup_invocations = 128\n"
            "max_workgroup_count = 65535 65535 65535\nshared_bytes = 16384\nmax_buffer_range = 134217728\n"
            "max_allocation = 1073741824\nmemory_bytes = 18446744073709551615\noffset_alignment = 256\npush_bytes = "
            "128\nsubgroup_size = 1\n"
            "non_coherent_atom = 256\n");
}

TEST(Caps, text_round_trip_keeps_every_field) {
  const Caps caps = big_device();
  const auto parsed = parse_text(to_text(caps));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, caps);
}

TEST(Caps, text_may_have_comments_and_leave_keys_out) {
  const auto parsed = parse_text("# a phone\n\nshared_bytes = 32768  # bytes\r\nbits = dot8+int8");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->shared_bytes, 32768u);
  EXPECT_EQ(parsed->bits, Caps::dot8 | Caps::int8);
  EXPECT_EQ(parsed->max_storage_buffers, 4u);
}

TEST(Caps, bad_text_is_refused_with_line_and_expectation) {
  for (const char* text : {"\nspeed = 3", "\nshared_bytes = many", "\nshared_bytes = -1", "\nshared_bytes = 4294967296",
                           "\nshared_bytes", "\nbits = storage32", "\nmax_workgroup_size = 1 2", "\nint8_path = fast",
                           "\nmax_workgroup_size = 1 2 3 4", "\napi_version = 1", "\ndevice_type = gpu"}) {
    const auto parsed = parse_text(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
    EXPECT_NE(parsed.error().message.find("line 2"), std::string::npos) << parsed.error().message;
  }
}

TEST(CapsMask, an_empty_mask_hides_nothing) {
  const auto parsed = parse_mask("");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(mask(big_device(), *parsed), big_device());
}

TEST(CapsMask, minimum_leaves_what_every_device_has) {
  const auto parsed = parse_mask("minimum");
  ASSERT_TRUE(parsed);
  const Caps small = mask(big_device(), *parsed);
  Caps expected;
  const Caps big = big_device();
  expected.vendor_id = big.vendor_id;
  expected.device_id = big.device_id;
  expected.driver_id = big.driver_id;
  expected.driver_version = big.driver_version;
  expected.device_type = big.device_type;
  expected.device_name = big.device_name;
  expected.memory_bytes = big.memory_bytes;
  expected.subgroup_size = 32;
  EXPECT_EQ(small, expected);
}

TEST(CapsMask, keys_lower_limits_and_raise_alignments) {
  const auto parsed = parse_mask("max_storage_buffers=8,offset_alignment=64,bits=float16|int8,shared_bytes=1000000");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Caps caps = mask(big_device(), *parsed);
  EXPECT_EQ(caps.max_storage_buffers, 8u);
  EXPECT_EQ(caps.offset_alignment, 64u);
  EXPECT_EQ(caps.bits, Caps::float16 | Caps::int8);
  EXPECT_EQ(caps.shared_bytes, big_device().shared_bytes);
  EXPECT_EQ(caps.int8_path, Int8Path::shift) << "the dot product was hidden";
}

TEST(CapsMask, zeros_divide_nothing_and_lanes_need_the_real_subgroup) {
  const auto masked = [](const char* text) { return mask(big_device(), parse_mask(text).value()); };
  EXPECT_EQ(masked("subgroup_size=0").subgroup_size, 1u);
  EXPECT_EQ(masked("max_workgroup_invocations=0").max_workgroup_invocations, 1u);
  EXPECT_EQ(masked("max_workgroup_size=0 0 0").max_workgroup_size, (std::array<uint32_t, 3>{1, 1, 1}));
  EXPECT_TRUE(masked("subgroup_size=32").has(Caps::lanes));
  EXPECT_FALSE(masked("subgroup_size=16").has(Caps::lanes));
}

TEST(CapsMask, a_path_can_be_forced_but_not_one_the_device_lacks) {
  EXPECT_EQ(mask(big_device(), parse_mask("int8_path=f32").value()).int8_path, Int8Path::f32);
  EXPECT_EQ(mask(big_device(), parse_mask("minimum,int8_path=dot").value()).int8_path, Int8Path::shift);
  EXPECT_EQ(mask(big_device(), parse_mask("bits=dot8,int8_path=dot").value()).int8_path, Int8Path::dot);
}

TEST(CapsMask, reads_a_file_and_names_it_in_errors) {
  const std::string path = testing::TempDir() + "nibble_mask.caps";
  std::ofstream(path) << "# small\nshared_bytes = 2048\nbits = none\n";
  const auto parsed = parse_mask(path);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(mask(big_device(), *parsed).shared_bytes, 2048u);
  std::ofstream(path) << "nonsense\n";
  const auto bad = parse_mask(path);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find(path), std::string::npos) << bad.error().message;
  std::filesystem::remove(path);
  const auto missing = parse_mask(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
}

TEST(Quirks, the_int8_path_follows_hardware_then_driver) {
  Caps caps;
  EXPECT_EQ(choose_int8_path(caps), Int8Path::shift);
  caps.driver_id = 10;  // SwiftShader
  EXPECT_EQ(choose_int8_path(caps), Int8Path::f32);
  caps.bits = Caps::dot8;
  EXPECT_EQ(choose_int8_path(caps), Int8Path::f32) << "present but not accelerated";
  caps.bits |= Caps::dot8_fast;
  EXPECT_EQ(choose_int8_path(caps), Int8Path::dot);
  caps = Caps();
  caps.driver_id = 13;  // llvmpipe
  caps.bits = Caps::dot8;
  EXPECT_EQ(choose_int8_path(caps), Int8Path::shift);
}

TEST(Quirks, each_entry_says_what_and_why) {
  for (const Quirk& quirk : quirks()) {
    EXPECT_GT(std::string(quirk.symptom).size(), 20u) << quirk.device;
    EXPECT_GT(std::string(quirk.source).size(), 5u) << quirk.device;
    EXPECT_LE(quirk.first_driver_version, quirk.last_driver_version) << quirk.device;
  }
}

}  // namespace
}  // namespace nibble::gpu
