#include <gtest/gtest.h>

#include "kernels/kernel_table.h"

namespace nibble {
namespace {

constexpr KernelKey kBytes{ElementType::i8, ElementType::i8, ElementType::any};
constexpr KernelKey kFloats{ElementType::f32, ElementType::f32, ElementType::any};

// Best first: dot, then fp32 sums, then shifts.
const std::vector<Kernel> kTable{
    {Family::conv2d, "bytes_dot", kBytes, gpu::Caps::dot8, gpu::Int8Path::dot, 0},
    {Family::conv2d, "bytes_f32", kBytes, 0, gpu::Int8Path::f32, 0},
    {Family::conv2d, "bytes_shift", kBytes, 0, gpu::Int8Path::shift, 0},
    {Family::conv2d, "floats", kFloats, 0, std::nullopt, 0},
    {Family::matmul, "other_family", kFloats, 0, std::nullopt, 0},
    {Family::copy, "needy", kFloats, gpu::Caps::float16, std::nullopt, 0},
};

gpu::Caps caps_with(uint32_t bits, gpu::Int8Path path) {
  gpu::Caps caps;
  caps.bits = bits;
  caps.int8_path = path;
  return caps;
}

std::string chosen(Family family, const KernelKey& key, const gpu::Caps& caps, const KernelOverrides& overrides = {}) {
  auto row = select(kTable, family, key, caps, overrides);
  return row ? std::string(kTable[static_cast<size_t>(*row)].name) : row.error().message;
}

TEST(select, takes_the_preferred_path_of_the_device) {
  EXPECT_EQ(chosen(Family::conv2d, kBytes, caps_with(gpu::Caps::dot8, gpu::Int8Path::dot)), "bytes_dot");
  EXPECT_EQ(chosen(Family::conv2d, kBytes, caps_with(gpu::Caps::dot8, gpu::Int8Path::shift)), "bytes_shift");
  EXPECT_EQ(chosen(Family::conv2d, kBytes, caps_with(0, gpu::Int8Path::f32)), "bytes_f32");
}

TEST(select, spreads_weights_over_lanes) {
  const auto row = [](const KernelKey& key, gpu::Int8Path path) {
    const auto index = select(kernel_table(), Family::conv2d, key, caps_with(gpu::Caps::lanes, path), {});
    return index ? std::string(kernel_table()[static_cast<size_t>(*index)].name) : index.error().message;
  };
  EXPECT_EQ(row(kBytes, gpu::Int8Path::shift), "conv2d_w8_i8_lanes");
  EXPECT_EQ(row(kBytes, gpu::Int8Path::f32), "conv2d_w8_i8_lanes");
  EXPECT_EQ(row({ElementType::i4, ElementType::i8, ElementType::any}, gpu::Int8Path::f32), "conv2d_w4_i8_lanes");
  EXPECT_EQ(row(kFloats, gpu::Int8Path::f32), "conv2d_w32_f32_lanes");
}

TEST(select, falls_back_to_the_first_that_runs_where_the_preferred_path_does_not) {
  EXPECT_EQ(chosen(Family::conv2d, kBytes, caps_with(0, gpu::Int8Path::dot)), "bytes_f32");
}

TEST(select, matches_types_and_family) {
  EXPECT_EQ(chosen(Family::conv2d, kFloats, caps_with(0, gpu::Int8Path::dot)), "floats");
  EXPECT_EQ(chosen(Family::matmul, kFloats, caps_with(0, gpu::Int8Path::dot)), "other_family");
}

TEST(select, an_override_wins_where_its_types_match) {
  KernelOverrides overrides;
  overrides.family_to_name.emplace_back("conv2d", "bytes_shift");
  const gpu::Caps caps = caps_with(gpu::Caps::dot8, gpu::Int8Path::dot);
  EXPECT_EQ(chosen(Family::conv2d, kBytes, caps, overrides), "bytes_shift");
  EXPECT_EQ(chosen(Family::conv2d, kFloats, caps, overrides), "floats");
}

TEST(select, says_what_a_forced_kernel_lacks) {
  KernelOverrides overrides;
  overrides.family_to_name.emplace_back("conv2d", "bytes_dot");
  EXPECT_NE(chosen(Family::conv2d, kBytes, caps_with(0, gpu::Int8Path::shift), overrides).find("needs dot8"),
            std::string::npos);
}

TEST(select, says_what_was_asked_for_when_there_is_no_row) {
  const KernelKey key{ElementType::i4, ElementType::u8, ElementType::any};
  const std::string message = chosen(Family::conv2d, key, caps_with(0, gpu::Int8Path::shift));
  EXPECT_NE(message.find("conv2d (weights i4, activations u8"), std::string::npos) << message;
}

TEST(select, names_the_missing_capability_when_no_row_runs) {
  const std::string message = chosen(Family::copy, kFloats, caps_with(0, gpu::Int8Path::shift));
  EXPECT_NE(message.find("needs float16"), std::string::npos) << message;
}

TEST(kernel_overrides, read_pairs_of_family_and_kernel) {
  auto overrides = KernelOverrides::parse("unary=unary_f32,binary=binary_i8");
  ASSERT_TRUE(overrides) << overrides.error().message;
  ASSERT_EQ(overrides->family_to_name.size(), 2u);
  EXPECT_EQ(overrides->family_to_name[1].second, "binary_i8");
}

TEST(kernel_overrides, refuse_what_is_not_in_the_table) {
  for (const char* text : {"unary", "nothing=unary_f32", "unary=unary_f64", "unary=binary_f32", "=", ","}) {
    EXPECT_FALSE(KernelOverrides::parse(text)) << text;
  }
}

}  // namespace
}  // namespace nibble
