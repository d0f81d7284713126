#include "gpu/dead_code.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace nibble::gpu {
namespace {

// Opcodes of the SPIR-V specification, section 3.
enum Opcode : uint32_t {
  op_name = 5,
  op_entry_point = 15,
  op_constant_true = 41,
  op_constant_false = 42,
  op_function = 54,
  op_function_end = 56,
  op_function_call = 57,
  op_store = 62,
  op_copy_memory_sized = 64,
  op_decorate = 71,
  op_image_write = 99,
  op_control_barrier = 224,
  op_memory_barrier = 225,
  op_atomic_store = 228,
  op_phi = 245,
  op_loop_merge = 246,
  op_selection_merge = 247,
  op_label = 248,
  op_branch = 249,
  op_branch_conditional = 250,
  op_switch = 251,
  op_unreachable = 255,
};
constexpr size_t kHeaderWords = 5;

using Instruction = std::span<const uint32_t>;
uint32_t opcode_of(Instruction i) { return i[0] & 0xFFFFu; }

// Words of an instruction are used by index: shorter ones than the specification demands are no valid module.
bool long_enough(Instruction i) {
  switch (opcode_of(i)) {
    case op_function: return i.size() == 5;
    case op_function_call:
    case op_branch_conditional:
    case op_entry_point: return i.size() >= 4;
    case op_name:
    case op_decorate:
    case op_phi:
    case op_switch:
    case op_loop_merge:
    case op_selection_merge:
    case op_constant_true:
    case op_constant_false: return i.size() >= 3;
    case op_label:
    case op_branch: return i.size() == 2;
    default: return true;
  }
}

// The id that an instruction of a function defines; 0: none.
uint32_t result_of(Instruction i) {
  const uint32_t opcode = opcode_of(i);
  if (opcode == op_label) return i[1];
  const bool none = (opcode >= op_store && opcode <= op_copy_memory_sized) || opcode == op_control_barrier ||
                    opcode == op_memory_barrier || opcode == op_atomic_store || opcode == op_image_write ||
                    (opcode >= op_loop_merge && opcode <= op_unreachable);
  return none || i.size() < 3 ? 0 : i[2];
}

struct Block {
  uint32_t label = 0;
  size_t first = 0, last = 0;        // instructions, the label and the one that ends it included
  uint32_t only_target = 0;          // of a selection on a constant; 0: as written
  std::vector<uint32_t> successors;  // labels
  bool reached = false;
};

struct Function {
  uint32_t id = 0;
  size_t first = 0, last = 0;  // instructions
  std::vector<Block> blocks;
  std::unordered_map<uint32_t, size_t> by_label;
  bool reached = false;
};

class Remover {
 public:
  explicit Remover(std::span<const uint32_t> in) : in_(in) {}

  std::vector<uint32_t> run() && {
    if (!read_instructions() || !read_functions()) return {in_.begin(), in_.end()};
    reach_function(entry_);
    if (broken_) return {in_.begin(), in_.end()};
    out_.assign(in_.begin(), in_.begin() + kHeaderWords);
    out_.reserve(in_.size());
    const std::unordered_set<uint32_t> gone = removed_ids();
    for (size_t i = 0; i < first_function_; ++i) {
      const Instruction& instruction = instructions_[i];
      const bool about_an_id = opcode_of(instruction) == op_decorate || opcode_of(instruction) == op_name;
      if (!about_an_id || !gone.contains(instruction[1])) put(instruction);
    }
    for (const Function& function : functions_) {
      if (function.reached) write(function);
    }
    return std::move(out_);
  }

 private:
  bool read_instructions() {
    if (in_.size() < kHeaderWords) return false;
    for (size_t at = kHeaderWords; at < in_.size();) {
      const size_t words = in_[at] >> 16;
      if (words == 0 || words > in_.size() - at) return false;
      const Instruction i = in_.subspan(at, words);
      if (!long_enough(i)) return false;
      if (opcode_of(i) == op_entry_point) {
        if (entry_ != 0) return false;  // kernels have one
        entry_ = i[2];
      }
      if (opcode_of(i) == op_constant_true) truth_[i[2]] = true;
      if (opcode_of(i) == op_constant_false) truth_[i[2]] = false;
      instructions_.push_back(i);
      at += words;
    }
    return entry_ != 0;
  }

  bool read_functions() {
    first_function_ = instructions_.size();
    for (size_t i = 0; i < instructions_.size(); ++i) {
      if (opcode_of(instructions_[i]) != op_function) continue;
      first_function_ = std::min(first_function_, i);
      Function function;
      function.id = instructions_[i][2];
      function.first = i;
      while (i < instructions_.size() && opcode_of(instructions_[i]) != op_function_end) {
        if (opcode_of(instructions_[i]) == op_label) {
          function.blocks.push_back({instructions_[i][1], i, i, 0, {}, false});
          function.by_label[instructions_[i][1]] = function.blocks.size() - 1;
        } else if (!function.blocks.empty()) {
          function.blocks.back().last = i;
        }
        ++i;
      }
      if (i == instructions_.size() || function.blocks.empty()) return false;
      function.last = i;
      for (Block& block : function.blocks) find_successors(block);
      by_id_[function.id] = functions_.size();
      functions_.push_back(std::move(function));
    }
    return !functions_.empty();
  }

  // Where a block may go, and the blocks that its merge instruction names, which have to stay.
  void find_successors(Block& block) {
    const Instruction end = instructions_[block.last];
    const Instruction before = instructions_[std::max(block.first, block.last - 1)];
    const bool selection = opcode_of(before) == op_selection_merge;
    if (opcode_of(end) == op_branch_conditional && selection) {
      const auto known = truth_.find(end[1]);
      if (known != truth_.end()) {
        block.only_target = known->second ? end[2] : end[3];
        block.successors = {block.only_target};
        return;
      }
    }
    if (selection) block.successors.push_back(before[1]);
    if (opcode_of(before) == op_loop_merge) block.successors.insert(block.successors.end(), {before[1], before[2]});
    switch (opcode_of(end)) {
      case op_branch: block.successors.push_back(end[1]); break;
      case op_branch_conditional: block.successors.insert(block.successors.end(), {end[2], end[3]}); break;
      case op_switch:  // all selectors are 32 bits wide: literal and label in turns
        block.successors.push_back(end[2]);
        for (size_t i = 4; i < end.size(); i += 2) block.successors.push_back(end[i]);
        break;
      default: break;
    }
  }

  void reach_function(uint32_t id) {
    std::vector<uint32_t> waiting{id};
    while (!waiting.empty()) {
      const auto found = by_id_.find(waiting.back());
      waiting.pop_back();
      if (found == by_id_.end()) {
        broken_ = true;
        return;
      }
      Function& function = functions_[found->second];
      if (function.reached) continue;
      function.reached = true;
      reach_blocks(function);
      for (const Block& block : function.blocks) {
        for (size_t i = block.first; block.reached && i <= block.last; ++i) {
          if (opcode_of(instructions_[i]) == op_function_call) waiting.push_back(instructions_[i][3]);
        }
      }
    }
  }

  void reach_blocks(Function& function) {
    std::vector<uint32_t> waiting{function.blocks.front().label};
    while (!waiting.empty()) {
      const auto found = function.by_label.find(waiting.back());
      waiting.pop_back();
      if (found == function.by_label.end()) {
        broken_ = true;
        return;
      }
      Block& block = function.blocks[found->second];
      if (block.reached) continue;
      block.reached = true;
      waiting.insert(waiting.end(), block.successors.begin(), block.successors.end());
    }
  }

  std::unordered_set<uint32_t> removed_ids() const {
    std::unordered_set<uint32_t> ids;
    for (const Function& function : functions_) {
      const auto remove = [&](size_t first, size_t last) {
        for (size_t i = first; i <= last; ++i) ids.insert(result_of(instructions_[i]));
      };
      if (!function.reached) remove(function.first, function.last);
      for (const Block& block : function.blocks) {
        if (!block.reached) remove(block.first, block.last);
      }
    }
    return ids;
  }

  void put(Instruction i) { out_.insert(out_.end(), i.begin(), i.end()); }

  void write(const Function& function) {
    for (size_t i = function.first; i < function.blocks.front().first; ++i) put(instructions_[i]);
    for (const Block& block : function.blocks) {
      if (!block.reached) continue;
      const size_t plain_end = block.only_target ? block.last - 1 : block.last + 1;
      for (size_t i = block.first; i < plain_end; ++i) {
        if (opcode_of(instructions_[i]) == op_phi) {
          write_phi(function, block, instructions_[i]);
        } else {
          put(instructions_[i]);
        }
      }
      if (block.only_target) out_.insert(out_.end(), {2u << 16 | op_branch, block.only_target});
    }
    put(instructions_[function.last]);
  }

  // Without the values that come from blocks which no longer come here.
  void write_phi(const Function& function, const Block& block, Instruction phi) {
    const size_t start = out_.size();
    out_.insert(out_.end(), phi.begin(), phi.begin() + 3);
    for (size_t i = 3; i + 1 < phi.size(); i += 2) {
      const auto from = function.by_label.find(phi[i + 1]);
      if (from == function.by_label.end()) continue;
      const Block& parent = function.blocks[from->second];
      const bool comes =
          std::find(parent.successors.begin(), parent.successors.end(), block.label) != parent.successors.end();
      if (parent.reached && comes) out_.insert(out_.end(), {phi[i], phi[i + 1]});
    }
    out_[start] = static_cast<uint32_t>(out_.size() - start) << 16 | op_phi;
  }

  std::span<const uint32_t> in_;
  std::vector<uint32_t> out_;
  std::vector<Instruction> instructions_;
  std::vector<Function> functions_;
  std::unordered_map<uint32_t, size_t> by_id_;
  std::unordered_map<uint32_t, bool> truth_;
  size_t first_function_ = 0;
  uint32_t entry_ = 0;
  bool broken_ = false;
};

}  // namespace

std::vector<uint32_t> remove_dead_code(std::span<const uint32_t> spirv) { return Remover(spirv).run(); }

}  // namespace nibble::gpu
