// Packed kernels come back word for word, and damage to them is an error value.
#include <gtest/gtest.h>

#include "kernels/kernel_table.h"
#include "packer/pack.h"

namespace nibble {
namespace {

constexpr uint32_t instruction(uint32_t opcode, uint32_t words) { return words << 16 | opcode; }

// A module that no compiler makes: ids out of order, numbers of every size, an opcode that nobody knows.
std::vector<uint32_t> odd_module() {
  return {0x07230203,
          0x00010300,
          0xFFFFFFFF,
          77,
          0,
          instruction(21, 4),
          70,
          32,
          1,  // TypeInt
          instruction(43, 4),
          70,
          3,
          0xFFFFFFFF,  // Constant
          instruction(0xFFFF, 6),
          1,
          0x80000000,
          70,
          3,
          0,
          instruction(54, 5),
          70,
          0xFFFFFFFE,
          0,
          3,  // Function
          instruction(61, 4),
          70,
          5,
          0xFFFFFFFE,  // Load
          instruction(1, 1)};
}

std::vector<NamedSpirv> some_modules() {
  std::vector<NamedSpirv> modules;
  for (size_t i = 0; i < std::min<size_t>(kernel_table().size(), 12); ++i) {
    modules.push_back({to_string(kernel_table()[i].family), kernel_code(static_cast<int32_t>(i)).value()});
  }
  modules.push_back({"odd", odd_module()});
  return modules;
}

TEST(spirv_packing, gives_back_every_word) {
  const std::vector<NamedSpirv> modules = some_modules();
  const PackedSet packed = pack_modules(modules).value();
  ASSERT_EQ(packed.modules.size(), modules.size());
  for (size_t i = 0; i < modules.size(); ++i) EXPECT_EQ(unpack_spirv(packed.view(), i).value(), modules[i].words) << i;
}

TEST(spirv_packing, refuses_to_pack_what_is_no_module) {
  std::vector<uint32_t> cut = odd_module();
  cut.back() = instruction(1, 2);
  for (const auto& words : {std::vector<uint32_t>{}, std::vector<uint32_t>(9, 7u), cut}) {
    EXPECT_EQ(pack_modules(std::vector<NamedSpirv>{{"odd", odd_module()}, {"bad", words}}).error().message,
              "module 1 is no SPIR-V");
  }
}

TEST(spirv_packing, reports_damage) {
  const PackedSet packed = pack_modules(some_modules()).value();
  size_t refused = 0;
  for (size_t at = 0; at < packed.bytes.size(); at += 41) {
    PackedSet damaged = packed;
    damaged.bytes[at] ^= static_cast<uint8_t>(1 + at % 255);
    for (size_t i = 0; i < damaged.modules.size(); ++i) refused += !unpack_spirv(damaged.view(), i);
  }
  EXPECT_GT(refused, 0u);
}

TEST(spirv_packing, checks_its_table) {
  const PackedSet packed = pack_modules(some_modules()).value();
  const auto error_of = [&](const auto& change) {
    PackedSet damaged = packed;
    change(damaged.modules[0]);
    const auto result = unpack_spirv(damaged.view(), 0);
    return result ? std::string("none") : result.error().message;
  };
  EXPECT_EQ(error_of([](PackedSpirv&) {}), "none");
  EXPECT_EQ(error_of([](PackedSpirv& m) { m.base = 0; }), "a packed kernel is damaged: too many others come before it");
  EXPECT_EQ(error_of([](PackedSpirv& m) { m.base = 1000; }), "a packed kernel is damaged: it is not there");
  EXPECT_EQ(error_of([](PackedSpirv& m) { m.end = ~0u; }), "a packed kernel is damaged: its bytes are not there");
  EXPECT_EQ(error_of([](PackedSpirv& m) { m.words = 3; }), "a packed kernel is damaged: it has no header");
  EXPECT_NE(error_of([](PackedSpirv& m) { ++m.words; }), "none");
  EXPECT_NE(error_of([](PackedSpirv& m) { --m.form_bytes; }), "none");
  EXPECT_FALSE(unpack_spirv(packed.view(), packed.modules.size()));
  EXPECT_FALSE(unpack_spirv({}, 0));
  EXPECT_FALSE(kernel_code(-1));
}

TEST(spirv_packing, takes_a_fifth_of_the_modules_at_most) {
  size_t words = 0;
  for (const PackedSpirv& module : packed_kernels().modules) words += module.words;
  EXPECT_LT(packed_kernels().bytes.size() * 5, words * 4);
}

}  // namespace
}  // namespace nibble
