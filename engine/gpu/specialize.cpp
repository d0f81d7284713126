#include "gpu/specialize.h"

#include <optional>
#include <unordered_map>

namespace nibble::gpu {
namespace {

// Opcodes and enumerants of the SPIR-V specification, section 3.
enum Opcode : uint32_t {
  op_type_bool = 20,
  op_type_int = 21,
  op_type_float = 22,
  op_constant_true = 41,
  op_constant_false = 42,
  op_constant = 43,
  op_constant_composite = 44,
  op_spec_constant_true = 48,
  op_spec_constant_false = 49,
  op_spec_constant = 50,
  op_spec_constant_composite = 51,
  op_spec_constant_op = 52,
  op_decorate = 71,
};
constexpr uint32_t kDecorationSpecId = 1;
constexpr size_t kHeaderWords = 5;

uint32_t instruction(uint32_t opcode, size_t words) { return static_cast<uint32_t>(words) << 16 | opcode; }

std::optional<uint32_t> fold_unary(uint32_t opcode, uint32_t a) {
  switch (opcode) {
    case 126: return 0u - a;       // SNegate
    case 168: return a ? 0u : 1u;  // LogicalNot
    case 200: return ~a;           // Not
    default: return std::nullopt;
  }
}

std::optional<uint32_t> fold_binary(uint32_t opcode, uint32_t a, uint32_t b) {
  const auto sa = static_cast<int32_t>(a);
  const auto sb = static_cast<int32_t>(b);
  switch (opcode) {
    case 128: return a + b;
    case 130: return a - b;
    case 132: return a * b;
    case 134: return b == 0 ? std::nullopt : std::optional(a / b);
    case 137: return b == 0 ? std::nullopt : std::optional(a % b);
    case 164: return (a != 0) == (b != 0);  // LogicalEqual
    case 165: return (a != 0) != (b != 0);  // LogicalNotEqual
    case 166: return a || b;
    case 167: return a && b;
    case 170: return a == b;
    case 171: return a != b;
    case 172: return a > b;
    case 173: return sa > sb;
    case 174: return a >= b;
    case 175: return sa >= sb;
    case 176: return a < b;
    case 177: return sa < sb;
    case 178: return a <= b;
    case 179: return sa <= sb;
    case 194: return b > 31 ? std::nullopt : std::optional(a >> b);
    case 196: return b > 31 ? std::nullopt : std::optional(a << b);
    case 197: return a | b;
    case 198: return a ^ b;
    case 199: return a & b;
    default: return std::nullopt;
  }
}

class Specializer {
 public:
  Specializer(std::span<const uint32_t> in, std::span<const SpecConstant> constants) : in_(in) {
    for (const SpecConstant& constant : constants) wanted_[constant.id] = constant.value;
  }

  std::vector<uint32_t> run() && {
    if (in_.size() < kHeaderWords) return {in_.begin(), in_.end()};
    out_.assign(in_.begin(), in_.begin() + kHeaderWords);
    out_.reserve(in_.size());
    for (size_t at = kHeaderWords; at < in_.size();) {
      const size_t words = in_[at] >> 16;
      if (words == 0 || words > in_.size() - at)
        return {in_.begin(), in_.end()};  // no valid module: the driver's to refuse
      copy(in_.subspan(at, words));
      at += words;
    }
    return std::move(out_);
  }

 private:
  void copy(std::span<const uint32_t> i) {
    const uint32_t opcode = i[0] & 0xFFFFu;
    if (opcode == op_decorate && i.size() == 4 && i[2] == kDecorationSpecId) {
      ids_[i[1]] = i[3];
      return;
    }
    if ((opcode == op_type_int || opcode == op_type_float) && i[2] == 32) foldable_.emplace(i[1], false);
    if (opcode == op_type_bool) foldable_.emplace(i[1], true);
    const size_t first = out_.size();
    out_.insert(out_.end(), i.begin(), i.end());
    switch (opcode) {
      case op_spec_constant_true:
      case op_spec_constant_false:
        put(first, i[1], i[2], value_of(i[2]).value_or(opcode == op_spec_constant_true));
        break;
      case op_spec_constant:
        if (i.size() == 4 && foldable_.contains(i[1])) put(first, i[1], i[2], value_of(i[2]).value_or(i[3]));
        break;
      case op_spec_constant_composite: out_[first] = instruction(op_constant_composite, i.size()); break;
      case op_spec_constant_op:
        if (const std::optional<uint32_t> value = fold(i)) put(first, i[1], i[2], *value);
        break;
      case op_constant:
        if (i.size() == 4) known_[i[2]] = i[3];
        break;
      case op_constant_true:
      case op_constant_false: known_[i[2]] = opcode == op_constant_true; break;
      default: break;
    }
  }

  // Ends the output with a constant in place of the instruction that starts at `first`.
  void put(size_t first, uint32_t type, uint32_t id, uint32_t value) {
    out_.resize(first);
    if (foldable_[type]) {
      out_.insert(out_.end(), {instruction(value ? op_constant_true : op_constant_false, 3), type, id});
    } else {
      out_.insert(out_.end(), {instruction(op_constant, 4), type, id, value});
    }
    known_[id] = value;
  }

  std::optional<uint32_t> value_of(uint32_t id) const {
    const auto spec = ids_.find(id);
    if (spec == ids_.end()) return std::nullopt;
    const auto value = wanted_.find(spec->second);
    return value == wanted_.end() ? std::nullopt : std::optional(value->second);
  }

  std::optional<uint32_t> fold(std::span<const uint32_t> i) const {
    if (!foldable_.contains(i[1])) return std::nullopt;
    std::vector<uint32_t> operands;
    for (const uint32_t id : i.subspan(4)) {
      const auto value = known_.find(id);
      if (value == known_.end()) return std::nullopt;
      operands.push_back(value->second);
    }
    constexpr uint32_t kSelect = 169;
    if (operands.size() == 3 && i[3] == kSelect) return operands[0] ? operands[1] : operands[2];
    if (operands.size() == 2) return fold_binary(i[3], operands[0], operands[1]);
    if (operands.size() == 1) return fold_unary(i[3], operands[0]);
    return std::nullopt;
  }

  std::span<const uint32_t> in_;
  std::vector<uint32_t> out_;
  std::unordered_map<uint32_t, uint32_t> wanted_;  // constant_id -> value
  std::unordered_map<uint32_t, uint32_t> ids_;     // result id -> constant_id
  std::unordered_map<uint32_t, bool> foldable_;    // 32-bit and bool types; true for bool
  std::unordered_map<uint32_t, uint32_t> known_;   // values of constants
};

}  // namespace

std::vector<uint32_t> specialize(std::span<const uint32_t> spirv, std::span<const SpecConstant> constants) {
  return Specializer(spirv, constants).run();
}

}  // namespace nibble::gpu
