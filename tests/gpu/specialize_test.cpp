#include "gpu/specialize.h"

#include <gtest/gtest.h>

#include "scale.h"

namespace nibble::gpu {
namespace {

constexpr size_t kHeaderWords = 5;

// Result ids of the instructions with this opcode, or of decorations with SpecId.
size_t count(std::span<const uint32_t> spirv, uint32_t opcode) {
  size_t found = 0;
  for (size_t at = kHeaderWords; at < spirv.size(); at += spirv[at] >> 16) {
    if ((spirv[at] >> 16) == 0) break;
    found += (spirv[at] & 0xffff) == opcode;
  }
  return found;
}

bool has_constant(std::span<const uint32_t> spirv, uint32_t value) {
  constexpr uint32_t kConstant = 43;
  for (size_t at = kHeaderWords; at < spirv.size(); at += spirv[at] >> 16) {
    if (spirv[at] == (4u << 16 | kConstant) && spirv[at + 3] == value) return true;
  }
  return false;
}

constexpr uint32_t kSpecConstant = 50, kSpecConstantComposite = 51;

TEST(Specialize, every_specialization_constant_becomes_a_plain_one) {
  const std::span<const uint32_t> shader = scale_spirv;
  ASSERT_GT(count(shader, kSpecConstant), 0u) << "the shader must have some to begin with";
  const SpecConstant constants[] = {{0, 77}, {1, 123456}};
  const auto out = specialize(shader, constants);
  EXPECT_EQ(count(out, kSpecConstant), 0u);
  EXPECT_EQ(count(out, kSpecConstantComposite), 0u);
  EXPECT_TRUE(has_constant(out, 77));
  EXPECT_TRUE(has_constant(out, 123456));
  EXPECT_FALSE(has_constant(shader, 123456));
}

TEST(Specialize, unnamed_constants_keep_their_defaults) {
  const SpecConstant constants[] = {{1, 123456}, {999, 5}};
  const auto out = specialize(scale_spirv, constants);
  EXPECT_TRUE(has_constant(out, 1)) << "the default workgroup size";
  EXPECT_TRUE(has_constant(out, 123456));
  EXPECT_FALSE(has_constant(out, 5));
}

TEST(Specialize, a_module_that_ends_inside_an_instruction_is_left_to_the_driver) {
  const std::span<const uint32_t> shader = scale_spirv;
  const auto cut = shader.first(kHeaderWords + 1);
  const std::vector<uint32_t> out = specialize(cut, {});
  EXPECT_EQ(out, std::vector<uint32_t>(cut.begin(), cut.end()));
}

}  // namespace
}  // namespace nibble::gpu
