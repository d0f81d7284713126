#include "kernels/spirv_form.h"
#include "packer/pack.h"

namespace nibble {
namespace {

void put(std::vector<uint8_t>& out, uint64_t value) {
  for (; value > 127; value >>= 7) out.push_back(static_cast<uint8_t>(value | 128));
  out.push_back(static_cast<uint8_t>(value));
}

}  // namespace

std::vector<uint8_t> spirv_bytes(std::span<const uint32_t> spirv) {
  if (spirv.size() < kSpirvHeaderWords || spirv[0] != kSpirvMagic) return {};
  std::vector<uint8_t> out;
  for (const uint32_t word : spirv.subspan(1, kSpirvHeaderWords - 1)) put(out, word);
  SpirvIds ids;
  for (size_t at = kSpirvHeaderWords; at < spirv.size();) {
    const uint32_t opcode = spirv[at] & 0xFFFF, count = spirv[at] >> 16;
    if (count == 0 || count > spirv.size() - at) return {};
    put(out, opcode);
    put(out, count);
    ids.begin_instruction(opcode);
    const SpirvForm form = spirv_form(opcode);
    for (uint32_t word = 1; word < count; ++word) {
      const uint32_t value = spirv[at + word];
      if (word == form.result) {
        put(out, ids.result_symbol_of(value));
        ids.define(value);
      } else {
        put(out, word < form.literals ? ids.symbol_of(value) : value);
      }
    }
    at += count;
  }
  return out;
}

}  // namespace nibble
