#include "kernels/conv_finish.h"

#include <limits>

#include "kernels/step_parts.h"
#include "ops/op.h"
#include "params.h"

namespace nibble {
namespace {

uint32_t bits_of(int32_t value) { return static_cast<uint32_t>(value); }

BlobPiece table_piece(const Graph& graph, const Finish& finish, uint32_t form) {
  BlobPiece piece;
  piece.form = BlobPiece::Form::words;
  piece.words = table_words(joined_table(graph, finish), form);
  return piece;
}

// Of z_z + round_shift((x - z_x) * A + (y - z_y) * B, T), with the zero points of x and y in one constant: every sum of
// three such terms stays within 32 bits, since A and B are below 2^21.
std::vector<uint32_t> integer_words(const Graph& graph, const Binary& op, const Node& node, TensorId residual) {
  const int32_t zero_x = graph.desc(node.inputs[0]).quant.zero_point;
  const int32_t zero_y = graph.desc(node.inputs[1]).quant.zero_point;
  const int32_t zero_z = graph.desc(node.outputs[0]).quant.zero_point;
  const int32_t a = op.multiplier_x;
  const int32_t b = op.kind == BinaryKind::sub ? -op.multiplier_y : op.multiplier_y;
  const bool second = node.inputs[1] == residual;
  return {bits_of(second ? a : b),
          bits_of(second ? b : a),
          bits_of(-(zero_x * a + zero_y * b)),
          bits_of(op.shift),
          bits_of(op.clamp.min - zero_z),
          bits_of(op.clamp.max - zero_z),
          bits_of(zero_z),
          0};
}

std::vector<uint32_t> float_words(const Binary& op) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const bool clip = op.activation.kind == UnaryKind::clip;
  return {float_bits(clip ? op.activation.a : 0.0f), float_bits(clip ? op.activation.b : kInfinity), 0, 0};
}

}  // namespace

// Four lanes of a CPU (SwiftShader) shift by amounts that differ one lane after the other.
uint32_t table_form(const gpu::Caps& caps) {
  return caps.device_type == gpu::DeviceType::cpu && caps.subgroup_size < 8 ? NBL_TABLE_WORDS : NBL_TABLE_BYTES;
}

std::vector<uint32_t> table_words(const std::array<int8_t, 256>& table, uint32_t form) {
  std::vector<uint32_t> words(form == NBL_TABLE_WORDS ? 256 : 64, 0);
  for (size_t i = 0; i < table.size(); ++i) {
    const uint32_t shift = form == NBL_TABLE_WORDS ? 0 : static_cast<uint32_t>(i / 64 * 8);
    const uint32_t bits = form == NBL_TABLE_WORDS ? bits_of(table[i]) : bits_of(table[i]) & 0xFFu;
    words[i % words.size()] |= bits << shift;
  }
  return words;
}

FinishParts add_finish(const Graph& graph, const Finish& finish, uint32_t table_form, BlobSpec& spec) {
  FinishParts parts;
  if (!finish.maps.empty()) {
    spec.pieces.push_back(table_piece(graph, finish, table_form));
    parts.table = table_form;
  }
  if (finish.add >= 0) {
    const Node& node = graph.nodes[static_cast<size_t>(finish.add)];
    const Binary& op = std::get<Binary>(node.op->value);
    const bool integer = graph.desc(node.outputs[0]).type == DType::i8;
    BlobPiece piece;
    piece.form = BlobPiece::Form::words;
    piece.words = integer ? integer_words(graph, op, node, finish.residual) : float_words(op);
    spec.pieces.push_back(std::move(piece));
    const bool limited = integer || op.activation.kind != UnaryKind::identity;
    parts.residual = limited ? NBL_RESIDUAL_CLAMP : NBL_RESIDUAL_ADD;
  }
  return parts;
}

void set_offsets(FinishParts& parts, std::span<const uint32_t> offset_words) {
  size_t next = 0;
  if (parts.table != NBL_TABLE_NONE) parts.table_offset = offset_words[next++];
  if (parts.residual != NBL_RESIDUAL_NONE) parts.residual_offset = offset_words[next];
}

void add_spec(const FinishParts& parts, std::vector<SpecConstant>& spec) {
  if (parts.table != NBL_TABLE_NONE) spec.push_back({NBL_SPEC_CONV_TABLE, parts.table});
  if (parts.residual != NBL_RESIDUAL_NONE) spec.push_back({NBL_SPEC_CONV_RESIDUAL, parts.residual});
}

}  // namespace nibble
