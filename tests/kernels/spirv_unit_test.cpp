// What the kernel table promises about each SPIR-V module, read from the module itself.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "kernels/kernel_table.h"
#include "params.h"

namespace nibble {
namespace {

// Numbers of the SPIR-V specification, version 1.3 (and SPV_KHR_integer_dot_product).
enum Opcode : uint32_t {
  op_extension = 10,
  op_execution_mode = 16,
  op_capability = 17,
  op_type_int = 21,
  op_type_float = 22,
  op_type_vector = 23,
  op_type_array = 28,
  op_type_struct = 30,
  op_type_pointer = 32,
  op_constant = 43,
  op_variable = 59,
  op_decorate = 71,
  op_member_decorate = 72
};
constexpr uint32_t kSpecId = 1, kArrayStride = 6, kBinding = 33, kDescriptorSet = 34, kOffset = 35;
constexpr uint32_t kStoragePushConstant = 9, kStorageBuffer = 12, kStorageUniform = 2;

struct Module {
  std::vector<uint32_t> capabilities;
  std::set<uint32_t> bindings, sets, spec_ids, storage_classes;
  std::map<uint32_t, std::vector<uint32_t>> types;           // id -> opcode and operands
  std::map<uint32_t, std::map<uint32_t, uint32_t>> offsets;  // struct -> member -> byte offset
  std::map<uint32_t, uint32_t> array_strides, constants;
  std::vector<std::pair<uint32_t, uint32_t>> variables;  // pointer type, storage class
};

void read_decoration(Module& module, std::span<const uint32_t> words) {
  if (words.size() < 4) return;
  if (words[2] == kSpecId) module.spec_ids.insert(words[3]);
  if (words[2] == kBinding) module.bindings.insert(words[3]);
  if (words[2] == kDescriptorSet) module.sets.insert(words[3]);
  if (words[2] == kArrayStride) module.array_strides[words[1]] = words[3];
}

Module read_module(std::span<const uint32_t> spirv) {
  Module module;
  for (size_t at = 5; at < spirv.size();) {
    const uint32_t count = spirv[at] >> 16;
    const uint32_t opcode = spirv[at] & 0xFFFF;
    if (count == 0 || at + count > spirv.size()) break;
    const auto words = spirv.subspan(at, count);
    if (opcode == op_capability) module.capabilities.push_back(words[1]);
    if (opcode == op_decorate) read_decoration(module, words);
    if (opcode == op_member_decorate && words[3] == kOffset) module.offsets[words[1]][words[2]] = words[4];
    if (opcode >= op_type_int && opcode <= op_type_pointer) {
      module.types[words[1]] = {opcode};
      module.types[words[1]].insert(module.types[words[1]].end(), words.begin() + 2, words.end());
    }
    if (opcode == op_constant) module.constants[words[2]] = words[3];
    if (opcode == op_variable) {
      module.variables.emplace_back(words[1], words[3]);
      module.storage_classes.insert(words[3]);
    }
    at += count;
  }
  return module;
}

// Bytes a type takes in a block; structs end after their last member.
uint32_t size_of(const Module& module, uint32_t id) {
  const std::vector<uint32_t>& type = module.types.at(id);
  switch (type[0]) {
    case op_type_int:
    case op_type_float: return type[1] / 8;
    case op_type_vector: return size_of(module, type[1]) * type[2];
    case op_type_array: return module.array_strides.at(id) * module.constants.at(type[2]);
    case op_type_struct: {
      uint32_t size = 0;
      for (const auto& [member, offset] : module.offsets.at(id)) {
        size = std::max(size, offset + size_of(module, type[1 + member]));
      }
      return size;
    }
    default: return 0;
  }
}

uint32_t push_bytes(const Module& module) {
  for (const auto& [pointer, storage] : module.variables) {
    if (storage == kStoragePushConstant) return size_of(module, module.types.at(pointer)[2]);
  }
  return 0;
}

// The bits of Caps of which any gives a SPIR-V capability; capabilities outside the table are not allowed at all.
std::optional<uint32_t> needed(uint32_t capability) {
  constexpr uint32_t kSubgroup = gpu::Caps::subgroup | gpu::Caps::lanes;
  static const std::map<uint32_t, uint32_t> kNeeds{
      {1, gpu::Caps::none},          // Shader
      {50, gpu::Caps::none},         // ImageQuery: every Vulkan device; no kernel should ask, but it costs nothing
      {9, gpu::Caps::float16},       // Float16
      {22, gpu::Caps::int16},        // Int16
      {39, gpu::Caps::int8},         // Int8
      {4433, gpu::Caps::storage16},  // StorageBuffer16BitAccess
      {4448, gpu::Caps::storage8},   // StorageBuffer8BitAccess
      {6019, gpu::Caps::dot8},       // DotProduct
      {6018, gpu::Caps::dot8},       // DotProductInput4x8BitPacked
      {61, kSubgroup},               // GroupNonUniform
      {63, gpu::Caps::subgroup},     // GroupNonUniformArithmetic
      {68, gpu::Caps::lanes},        // GroupNonUniformQuad
      {65, kSubgroup},               // GroupNonUniformShuffle
  };
  const auto found = kNeeds.find(capability);
  if (found == kNeeds.end()) return std::nullopt;
  return found->second;
}

class KernelRow : public testing::TestWithParam<size_t> {
 protected:
  const Kernel& kernel() const { return kernel_table()[GetParam()]; }
  std::vector<uint32_t> code() const { return kernel_code(static_cast<int32_t>(GetParam())).value(); }
};

TEST_P(KernelRow, is_a_module_of_spirv_1_3) {
  ASSERT_GT(code().size(), 5u);
  EXPECT_EQ(code()[0], 0x07230203u);
  EXPECT_LE(code()[1], 0x00010300u);
}

TEST_P(KernelRow, uses_no_capability_that_its_needs_do_not_name) {
  for (const uint32_t capability : read_module(code()).capabilities) {
    const auto bits = needed(capability);
    ASSERT_TRUE(bits) << "capability " << capability << " has no bit in Caps";
    EXPECT_TRUE(*bits == 0 || (kernel().needs & *bits)) << "capability " << capability;
  }
}

TEST_P(KernelRow, binds_at_most_four_storage_buffers_of_set_0_numbered_from_0) {
  const Module module = read_module(code());
  EXPECT_FALSE(module.bindings.empty());
  EXPECT_LE(module.bindings.size(), 4u);
  EXPECT_EQ(*module.bindings.rbegin() + 1, module.bindings.size());
  EXPECT_EQ(module.sets, std::set<uint32_t>{0});
  EXPECT_EQ(module.storage_classes.count(kStorageBuffer), 1u);
  EXPECT_EQ(module.storage_classes.count(kStorageUniform), 0u) << "buffers must be storage buffers";
}

TEST_P(KernelRow, pushes_as_many_bytes_as_its_struct_has) {
  EXPECT_EQ(push_bytes(read_module(code())), kernel().push_bytes);
  EXPECT_LE(kernel().push_bytes, 128u);
}

TEST_P(KernelRow, takes_its_workgroup_size_from_specialization_constants) {
  const auto ids = read_module(code()).spec_ids;
  for (uint32_t id : {NBL_SPEC_LOCAL_X, NBL_SPEC_LOCAL_Y, NBL_SPEC_LOCAL_Z}) EXPECT_EQ(ids.count(id), 1u) << id;
}

std::vector<size_t> all_rows() {
  std::vector<size_t> rows(kernel_table().size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

INSTANTIATE_TEST_SUITE_P(table, KernelRow, testing::ValuesIn(all_rows()),
                         [](const auto& row) { return std::string(kernel_table()[row.param].name); });

TEST(kernel_table, names_are_distinct_and_begin_with_their_family) {
  std::set<std::string_view> names;
  for (const Kernel& kernel : kernel_table()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    EXPECT_EQ(kernel.name.substr(0, std::string_view(to_string(kernel.family)).size()), to_string(kernel.family));
  }
}

TEST(kernel_table, has_a_row_for_plain_devices_for_all_types_that_a_family_offers) {
  for (const Kernel& offered : kernel_table()) {
    bool plain = false;
    for (const Kernel& row : kernel_table()) {
      plain = plain || (row.family == offered.family && row.key == offered.key && row.needs == gpu::Caps::none);
    }
    EXPECT_TRUE(plain) << offered.name << " has no sibling without NEEDS";
  }
}

}  // namespace
}  // namespace nibble
