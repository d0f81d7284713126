// Constants as kernels read them.
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
    case DType::i4: break;
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
  const Tensor& tensor = graph.tensor(piece.tensor);
  const auto padded = static_cast<uint64_t>((element_count(tensor.desc) + 3) / 4 * 4);
  switch (piece.form) {
    case Form::stored: return (tensor.constant->bytes.size() + 3) / 4;
    case Form::f32:
    case Form::i32: return padded;
    case Form::blocked:
      return static_cast<uint64_t>(storage_words(piece_type(piece, tensor.desc), piece.shape, piece.layout));
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

void put_blocked(std::byte* out, const BlobPiece& piece, const TensorDesc& desc, std::span<const std::byte> bytes) {
  const DType type = piece_type(piece, desc);
  const UnitShape units = unit_shape(piece.shape, piece.layout);
  const int64_t size = device_bytes(type);
  int64_t index = 0;
  for (int64_t outer = 0; outer < units.outer; ++outer) {
    for (int64_t channel = 0; channel < units.channels; ++channel) {
      for (int64_t inner = 0; inner < units.inner; ++inner, ++index) {
        const int64_t unit = (outer * units.blocks + channel / 4) * units.inner + inner;
        put_element(out + (unit * 4 + channel % 4) * size, type, desc, bytes, index);
      }
    }
  }
}

Status check_piece(const BlobPiece& piece, const Tensor& tensor) {
  const TensorDesc& desc = tensor.desc;
  if (!tensor.constant) return bad_piece(desc, "is not a constant");
  if (piece.form == Form::stored) return {};
  if (desc.packing != Packing::plain || desc.type == DType::i4) return bad_piece(desc, "is packed; only 'stored' fits");
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
    key += format("%d:%d:%d:%d[", piece.tensor, static_cast<int>(piece.form), piece.layout.axis,
                  piece.type ? static_cast<int>(*piece.type) : -1);
    for (int64_t d : piece.shape) key += format("%lld,", static_cast<long long>(d));
    key += "]";
  }
  return key;
}

Status measure(const Graph& graph, BlobSpec& blob) {
  uint64_t words = 0;
  blob.offset_words.clear();
  for (const BlobPiece& piece : blob.pieces) {
    NBL_CHECK(check_piece(piece, graph.tensor(piece.tensor)));
    words = (words + 3) / 4 * 4;
    if (words > UINT32_MAX) return bad_piece(graph.desc(piece.tensor), "lies beyond 2^32 words of its blob");
    blob.offset_words.push_back(static_cast<uint32_t>(words));
    words += piece_words(graph, piece);
  }
  // Whole units of four words: kernels may read the last one in full.
  blob.bytes = (words + 3) / 4 * 16;
  return {};
}

Result<std::vector<std::byte>> materialize(const Graph& graph, const BlobSpec& blob) {
  std::vector<std::byte> bytes(blob.bytes);
  for (size_t i = 0; i < blob.pieces.size(); ++i) {
    const BlobPiece& piece = blob.pieces[i];
    const Tensor& tensor = graph.tensor(piece.tensor);
    NBL_CHECK(check_piece(piece, tensor));
    if (i >= blob.offset_words.size() || blob.offset_words[i] * 4ull + piece_words(graph, piece) * 4 > bytes.size()) {
      return bad_piece(tensor.desc, "does not fit into its blob");
    }
    std::byte* out = bytes.data() + blob.offset_words[i] * 4ull;
    const std::span<const std::byte> source = tensor.constant->bytes;
    if (piece.form == Form::stored) {
      std::memcpy(out, source.data(), source.size());
    } else if (piece.form == Form::blocked) {
      put_blocked(out, piece, tensor.desc, source);
    } else {
      const DType type = piece.form == Form::f32 ? DType::f32 : DType::i32;
      for (int64_t k = 0; k < element_count(tensor.desc); ++k) put_element(out + k * 4, type, tensor.desc, source, k);
    }
  }
  return bytes;
}

}  // namespace nibble
