// What packing needs to know of SPIR-V (specification, section 3.42): which words of an instruction name values.
// Only size depends on it; a wrong or missing entry costs bytes, never correctness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace nibble {

inline constexpr uint32_t kSpirvMagic = 0x07230203;
inline constexpr size_t kSpirvHeaderWords = 5;

struct SpirvForm {
  uint32_t result = 0;         // the word that holds the new id; 0: there is none
  uint32_t literals = 0xFFFF;  // the first word that is a number, a name or flags; those before name ids
};

inline SpirvForm spirv_form(uint32_t opcode) {
  switch (opcode) {
    case 10:
    case 14:
    case 15:
    case 17: return {0, 1};  // Extension, MemoryModel, EntryPoint, Capability
    case 5:
    case 6:
    case 16:
    case 71:
    case 72:
    case 247: return {0, 2};  // names, decorations, SelectionMerge
    case 246: return {0, 3};  // LoopMerge
    case 62:
    case 63:
    case 64:
    case 218:
    case 224:
    case 225:
    case 228:
    case 249:
    case 250:
    case 251:
    case 252:
    case 253:
    case 254:
    case 255:
    case 56: return {0, 0xFFFF};  // Store, barriers, branches, returns
    case 11:
    case 21:
    case 22: return {1, 2};  // ExtInstImport, TypeInt, TypeFloat
    case 23:
    case 24: return {1, 3};  // TypeVector, TypeMatrix
    case 7:
    case 248: return {1, 0xFFFF};  // String, Label
    case 43:
    case 50:
    case 54:
    case 59: return {2, 3};  // constants, Function, Variable
    case 81: return {2, 4};  // CompositeExtract
    case 79:
    case 82: return {2, 5};  // VectorShuffle, CompositeInsert
    default: break;
  }
  if (opcode >= 19 && opcode <= 39) return {1, 0xFFFF};  // further types
  return {2, 0xFFFF};
}

// Turns ids into numbers that repeat from one module to the next: types, constants and variables are counted in the
// order of their declaration, ids inside functions are counted back from the newest one.
class SpirvIds {
 public:
  uint64_t symbol_of(uint32_t word) const {
    const auto found = index_.find(word);
    if (found != index_.end()) return uint64_t{found->second} << 1;
    return uint64_t{zigzag(newest_ - word)} << 1 | 1;
  }
  // Undoes symbol_of; false where no word has this symbol.
  bool word_of(uint64_t symbol, uint32_t& word) const {
    if (symbol & 1) {
      word = newest_ - unzigzag(static_cast<uint32_t>(symbol >> 1));
      return symbol >> 33 == 0;
    }
    if (symbol >> 1 >= globals_.size()) return false;
    word = globals_[symbol >> 1];
    return true;
  }
  uint64_t result_symbol_of(uint32_t id) const { return zigzag(id - newest_ - 1); }
  uint32_t result_of(uint64_t symbol) const { return unzigzag(static_cast<uint32_t>(symbol)) + newest_ + 1; }

  void begin_instruction(uint32_t opcode) {
    constexpr uint32_t kFunction = 54;
    if (opcode == kFunction) in_function_ = true;
  }
  void define(uint32_t id) {
    newest_ = id;
    if (in_function_) return;
    if (index_.emplace(id, static_cast<uint32_t>(globals_.size())).second) globals_.push_back(id);
  }

 private:
  static uint32_t zigzag(uint32_t value) { return value << 1 ^ (value >> 31 ? ~0u : 0u); }
  static uint32_t unzigzag(uint32_t value) { return value >> 1 ^ (value & 1 ? ~0u : 0u); }

  uint32_t newest_ = 0;
  bool in_function_ = false;
  std::unordered_map<uint32_t, uint32_t> index_;
  std::vector<uint32_t> globals_;
};

}  // namespace nibble
