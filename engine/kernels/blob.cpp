// Constants as kernels read them.
#include <algorithm>
#include <cstring>

#include "core/half.h"
#include "core/text.h"
#include "core/try.h"
#include "kernels/step.h"

namespace nibble {
namespace {

using Form = BlobPiece::Form;

int64_t element_count(const TensorDesc& desc) {
  int64_t count = 1;
  for (const Dim& d : desc.shape) count *= d.value();
  return count;
}

Error bad_piece(const TensorDesc& desc, const char* why) {
  return Error{Code::internal, "constant '" + desc.name + "' (" + to_string(desc.type) + "): " + why};
}

template <class T>
T element_at(std::span<const std::byte> bytes, int64_t index) {
  T value;
  std::memcpy(&value, bytes.data() + static_cast<size_t>(index) * sizeof(T), sizeof(T));
  return value;
}

// The stored number, before any dequantization.
double stored_value(DType type, std::span<const std::byte> bytes, int64_t index) {
  switch (type) {
    case DType::f32: return element_at<float>(bytes, index);
    case DType::f16: return float_from_half(element_at<uint16_t>(bytes, index));
    case DType::i8: return element_at<int8_t>(bytes, index);
    case DType::u8: return element_at<uint8_t>(bytes, index);
    case DType::i32: return element_at<int32_t>(bytes, index);
    case DType::i64: return static_cast<double>(element_at<int64_t>(bytes, index));
    case DType::boolean: return element_at<uint8_t>(bytes, index) != 0 ? 1.0 : 0.0;
    case DType::i4:
    case DType::lut4: break;
  }
  return 0.0;
}

int32_t saturate(int64_t value) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  return static_cast<int32_t>(value < -kLimit ? -kLimit : (value >= kLimit ? kLimit - 1 : value));
}

// Scale of an element of a quantized constant; the axis of per-channel scales splits the elements as [outer][C][inner].
float scale_at(const TensorDesc& desc, int64_t index) {
  if (desc.quant.kind != Quant::Kind::per_channel) return desc.quant.scale();
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(desc.quant.axis) + 1; i < desc.shape.size(); ++i) inner *= desc.shape[i].value();
  const auto channels = static_cast<int64_t>(desc.quant.scales.size());
  return channels == 0 ? 1.0f : desc.quant.scales[static_cast<size_t>(index / inner % channels)];
}

float real_value(const TensorDesc& desc, std::span<const std::byte> bytes, int64_t index) {
  const double stored = stored_value(desc.type, bytes, index);
  if (desc.quant.kind == Quant::Kind::none) return static_cast<float>(stored);
  return static_cast<float>((stored - desc.quant.zero_point) * static_cast<double>(scale_at(desc, index)));
}

DType piece_type(const BlobPiece& piece, const TensorDesc& desc) { return piece.type ? *piece.type : desc.type; }

uint64_t piece_words(const Graph& graph, const BlobPiece& piece) {
  if (piece.form == Form::words) return piece.words.size();
  const Tensor& tensor = graph.tensor(piece.tensor);
  const auto padded = static_cast<uint64_t>((element_count(tensor.desc) + 3) / 4 * 4);
  switch (piece.form) {
    case Form::stored: return (tensor.constant->bytes.size() + 3) / 4;
    case Form::f32:
    case Form::i32: return padded;
    case Form::blocked:
      return static_cast<uint64_t>(storage_words(piece_type(piece, tensor.desc), piece.shape, piece.layout));
    case Form::looked_up: {
      const uint64_t weights = tensor.constant->bytes.size() * (tensor.desc.packing == Packing::plain ? 1 : 2);
      return (weights + 3) / 4;
    }
    case Form::words: break;
  }
  return 0;
}

void put_element(std::byte* at, DType type, const TensorDesc& desc, std::span<const std::byte> bytes, int64_t index) {
  if (type == DType::f32) {
    const float value = real_value(desc, bytes, index);
    std::memcpy(at, &value, 4);
  } else if (type == DType::f16) {
    const uint16_t value = half_from_float(real_value(desc, bytes, index));
    std::memcpy(at, &value, 2);
  } else if (type == DType::i32 || type == DType::i64) {
    const int32_t value = desc.type == DType::i64 ? saturate(element_at<int64_t>(bytes, index))
                                                  : static_cast<int32_t>(stored_value(desc.type, bytes, index));
    std::memcpy(at, &value, 4);
  } else {
    std::memcpy(at, bytes.data() + index, 1);
  }
}

// True where an element is stored as the device wants it.
bool same_bytes(DType type, const TensorDesc& desc) {
  if (type == DType::f32 || type == DType::f16) return desc.type == type && desc.quant.kind == Quant::Kind::none;
  return desc.type == type && type != DType::i64;
}

// Bytes of a blocked tensor from `from` on, whole units.
void put_blocked(std::span<std::byte> out, uint64_t from, const BlobPiece& piece, const TensorDesc& desc,
                 std::span<const std::byte> bytes) {
  const DType type = piece_type(piece, desc);
  const UnitShape units = unit_shape(piece.shape, piece.layout);
  const int64_t size = device_bytes(type);
  if (units.inner == 1 && units.channels % 4 == 0 && same_bytes(type, desc)) {
    const uint64_t have = static_cast<uint64_t>(units.units() * 4 * size);
    if (from < have) std::memcpy(out.data(), bytes.data() + from, std::min<uint64_t>(out.size(), have - from));
    return;
  }
  const int64_t first = static_cast<int64_t>(from) / (4 * size);
  const int64_t last = std::min(units.units(), first + static_cast<int64_t>(out.size()) / (4 * size));
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t inner = unit % units.inner, block = unit / units.inner % units.blocks;
    const int64_t outer = unit / units.inner / units.blocks;
    std::byte* at = out.data() + (unit - first) * 4 * size;
    for (int64_t channel = block * 4; channel < std::min(block * 4 + 4, units.channels); ++channel, at += size) {
      put_element(at, type, desc, bytes, (outer * units.channels + channel) * units.inner + inner);
    }
  }
}

// int8 weights out of indices, from weight `from` on. What pads the packed order is zero, whatever it names.
void put_looked_up(std::span<std::byte> out, uint64_t from, const TensorDesc& desc, std::span<const std::byte> indices,
                   std::span<const std::byte> codebook) {
  const auto entry = [&](uint32_t index) { return codebook[index & 0xF]; };
  if (desc.packing == Packing::plain) {
    const size_t count = std::min<size_t>(out.size(), indices.size() - std::min<size_t>(from, indices.size()));
    for (size_t i = 0; i < count; ++i) out[i] = entry(static_cast<uint32_t>(indices[from + i]));
    return;
  }
  // A block of 4 outputs x 4 inputs is eight bytes of nibbles (engine/format/FORMAT.md).
  const int64_t outputs = desc.shape[0].value(), inputs = desc.shape[1].value();
  const int64_t taps = element_count(desc) / (outputs * inputs), input_blocks = (inputs + 3) / 4;
  const uint64_t count =
      std::min<uint64_t>(out.size(), indices.size() * 2 - std::min<uint64_t>(from, indices.size() * 2));
  for (uint64_t k = 0; k < count; ++k) {
    const uint64_t at = from + k, block = at / 16, o = at / 4 % 4, i = at % 4;
    const auto first_output = static_cast<int64_t>(block) / (input_blocks * taps) * 4;
    const auto first_input = static_cast<int64_t>(block) % input_blocks * 4;
    if (first_output + static_cast<int64_t>(o) >= outputs || first_input + static_cast<int64_t>(i) >= inputs) continue;
    out[k] = entry(static_cast<uint32_t>(indices[block * 8 + o / 2 * 4 + i]) >> (o % 2 * 4));
  }
}

// The bytes of a piece from `from` on. `out` holds zeros and ends with the piece or before.
void put_piece(std::span<std::byte> out, uint64_t from, const BlobPiece& piece, const TensorDesc& desc,
               std::span<const std::byte> bytes) {
  if (piece.form == Form::stored) {
    if (from < bytes.size()) std::memcpy(out.data(), bytes.data() + from, std::min(out.size(), bytes.size() - from));
  } else if (piece.form == Form::blocked) {
    put_blocked(out, from, piece, desc, bytes);
  } else {
    const DType type = piece.form == Form::f32 ? DType::f32 : DType::i32;
    const auto first = static_cast<int64_t>(from / 4);
    const int64_t last = std::min(element_count(desc), first + static_cast<int64_t>(out.size() / 4));
    for (int64_t k = first; k < last; ++k) put_element(out.data() + (k - first) * 4, type, desc, bytes, k);
  }
}

Status check_piece(const Graph& graph, const BlobPiece& piece) {
  if (piece.form == Form::words) return {};
  const Tensor& tensor = graph.tensor(piece.tensor);
  const TensorDesc& desc = tensor.desc;
  if (!tensor.constant) return bad_piece(desc, "is not a constant");
  if (piece.form == Form::stored) return {};
  if (piece.form == Form::looked_up) {
    const bool known = desc.type == DType::lut4 && (desc.packing == Packing::plain || desc.packing == Packing::blocked);
    const Tensor& codebook = graph.tensor(piece.codebook);
    if (!known || !codebook.constant || codebook.constant->bytes.size() < 16) return bad_piece(desc, "has no codebook");
    return {};
  }
  if (desc.packing != Packing::plain || is_nibbles(desc.type)) return bad_piece(desc, "is packed; only 'stored' fits");
  const int64_t count = element_count(desc);
  if (tensor.constant->bytes.size() < static_cast<size_t>(count) * bytes_per_element(desc.type)) {
    return bad_piece(desc, "has fewer bytes than its shape says");
  }
  if (piece.form == Form::blocked) {
    int64_t seen = 1;
    for (int64_t d : piece.shape) seen *= d;
    if (seen != count) return bad_piece(desc, "is asked for in a shape of another size");
    if (piece.layout.flat()) return bad_piece(desc, "is asked for in a flat layout");
  }
  return {};
}

}  // namespace

std::string BlobSpec::key() const {
  std::string key;
  for (const BlobPiece& piece : pieces) {
    key += format("%d:%d:%d:%d:%d[", piece.tensor, static_cast<int>(piece.form), piece.codebook, piece.layout.axis,
                  piece.type ? static_cast<int>(*piece.type) : -1);
    for (int64_t d : piece.shape) key += format("%lld,", static_cast<long long>(d));
    key += "]";
    for (uint32_t word : piece.words) key += format("%x,", word);
  }
  return key;
}

Status measure(const Graph& graph, BlobSpec& blob) {
  uint64_t words = 0;
  blob.offset_words.clear();
  for (const BlobPiece& piece : blob.pieces) {
    NBL_CHECK(check_piece(graph, piece));
    words = (words + 3) / 4 * 4;
    if (words > UINT32_MAX) return bad_piece(graph.desc(blob.pieces[0].tensor), "lies beyond 2^32 words of its blob");
    blob.offset_words.push_back(static_cast<uint32_t>(words));
    words += piece_words(graph, piece);
  }
  // Whole units of four words: kernels may read the last one in full.
  blob.bytes = (words + 3) / 4 * 16;
  return {};
}

Status materialize(const Graph& graph, const BlobSpec& blob, uint64_t offset, std::span<std::byte> out) {
  if (offset % 16 != 0 || out.size() % 16 != 0 || offset > blob.bytes || out.size() > blob.bytes - offset) {
    return Error{Code::internal,
                 format("%zu bytes at offset %llu of a blob of %llu bytes were asked for", out.size(),
                        static_cast<unsigned long long>(offset), static_cast<unsigned long long>(blob.bytes))};
  }
  std::memset(out.data(), 0, out.size());
  for (size_t i = 0; i < blob.pieces.size(); ++i) {
    const BlobPiece& piece = blob.pieces[i];
    NBL_CHECK(check_piece(graph, piece));
    const uint64_t words = piece_words(graph, piece);
    if (i >= blob.offset_words.size() || (blob.offset_words[i] + words) * 4 > blob.bytes) {
      return Error{Code::internal, format("part %zu of a blob of constants does not fit into it", i)};
    }
    const uint64_t first = blob.offset_words[i] * uint64_t{4};
    const uint64_t begin = std::max(offset, first), end = std::min(offset + out.size(), first + words * 4);
    if (begin >= end) continue;
    const std::span<std::byte> part = out.subspan(begin - offset, end - begin);
    if (piece.form == Form::words) {
      std::memcpy(part.data(), reinterpret_cast<const std::byte*>(piece.words.data()) + (begin - first), part.size());
    } else {
      const Tensor& tensor = graph.tensor(piece.tensor);
      if (piece.form == Form::looked_up) {
        put_looked_up(part, begin - first, tensor.desc, tensor.constant->bytes,
                      graph.tensor(piece.codebook).constant->bytes);
      } else {
        put_piece(part, begin - first, piece, tensor.desc, tensor.constant->bytes);
      }
    }
  }
  return {};
}

Result<std::vector<std::byte>> materialize(const Graph& graph, const BlobSpec& blob) {
  std::vector<std::byte> bytes(blob.bytes);
  NBL_CHECK(materialize(graph, blob, 0, bytes));
  return bytes;
}

}  // namespace nibble
