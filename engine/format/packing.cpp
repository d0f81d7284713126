#include "format/packing.h"

#include <cstring>

#include "core/text.h"
#include "core/try.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 62;
constexpr uint64_t kLanes = 4;

const char* packing_name(Packing packing) {
  switch (packing) {
    case Packing::plain: return "plain";
    case Packing::blocked: return "blocked";
    case Packing::depthwise: return "depthwise";
    case Packing::group_multipliers: return "group_multipliers";
  }
  return "unknown";
}

Error refuse(const TensorDesc& desc, const std::string& what) {
  return Error{Code::invalid_argument, format("constant '%s' (%s %s, %s): %s", desc.name.c_str(), to_string(desc.type),
                                              to_string(desc.shape).c_str(), packing_name(desc.packing), what.c_str())};
}

// All packed orders seen as [outer / 4][positions][inner / 4][outer % 4][inner % 4]; the inner axis is split in lanes
// only where `inner_lanes` is 4. The plain index is outer * outer_stride + position * position_stride + inner *
// inner_stride.
struct Order {
  uint64_t outer = 1, positions = 1, inner = 1;
  uint64_t inner_lanes = 1;
  uint64_t outer_stride = 1, position_stride = 1, inner_stride = 1;

  uint64_t outer_blocks() const { return (outer + kLanes - 1) / kLanes; }
  uint64_t inner_blocks() const { return (inner + inner_lanes - 1) / inner_lanes; }
};

bool type_fits(DType type, Packing packing) {
  switch (packing) {
    case Packing::plain: return true;
    case Packing::blocked: return type == DType::f32 || type == DType::f16 || type == DType::i8 || is_nibbles(type);
    case Packing::depthwise: return type == DType::f32 || type == DType::f16 || type == DType::i8;
    case Packing::group_multipliers: return type == DType::u8;
  }
  return false;
}

Result<std::vector<uint64_t>> sizes_of(const TensorDesc& desc) {
  std::vector<uint64_t> sizes;
  uint64_t elements = 1;
  bool empty = false;
  for (const Dim& dim : desc.shape) {
    if (!dim.is_const()) return refuse(desc, "a constant has no free dimensions");
    if (dim.value() < 0 || dim.value() > kMaxDim) return refuse(desc, "a dimension is out of range");
    sizes.push_back(static_cast<uint64_t>(dim.value()));
    empty |= sizes.back() == 0;
    // Rounding two axes up to 4 makes a tensor at most 16 times larger, an element has at most 8 bytes.
    if (!empty && elements > kMaxBytes / 128 / sizes.back()) return refuse(desc, "has too many elements");
    elements *= sizes.back();
  }
  return sizes;
}

Result<Order> order_of(const TensorDesc& desc) {
  NBL_TRY(std::vector<uint64_t> s, sizes_of(desc));
  if (!type_fits(desc.type, desc.packing)) return refuse(desc, "this packing does not know the type");
  const size_t rank = s.size();
  if (desc.packing == Packing::blocked && (rank == 2 || rank == 4)) {
    const uint64_t positions = rank == 4 ? s[2] * s[3] : 1;
    return Order{s[0], positions, s[1], kLanes, s[1] * positions, 1, positions};
  }
  if (desc.packing == Packing::depthwise && rank == 4 && s[1] == 1) {
    const uint64_t positions = s[2] * s[3];
    return Order{s[0], positions, 1, 1, positions, 1, 1};
  }
  if (desc.packing == Packing::group_multipliers && rank == 2) return Order{s[0], s[1], 1, 1, s[1], 1, 1};
  return refuse(desc, "this packing does not know the shape");
}

// Calls f(packed element index, plain element index) for every element that is not padding.
template <class F>
void for_each_element(const Order& order, F&& f) {
  if (order.outer == 0 || order.positions == 0 || order.inner == 0) return;
  const uint64_t block = kLanes * order.inner_lanes;
  uint64_t first = 0;
  for (uint64_t ob = 0; ob < order.outer_blocks(); ++ob) {
    for (uint64_t position = 0; position < order.positions; ++position) {
      for (uint64_t ib = 0; ib < order.inner_blocks(); ++ib, first += block) {
        for (uint64_t lane = 0; lane < block; ++lane) {
          const uint64_t outer = ob * kLanes + lane / order.inner_lanes;
          const uint64_t inner = ib * order.inner_lanes + lane % order.inner_lanes;
          if (outer >= order.outer || inner >= order.inner) continue;
          f(first + lane, outer * order.outer_stride + position * order.position_stride + inner * order.inner_stride);
        }
      }
    }
  }
}

// Where the nibble of a blocked i4 or lut4 element lies: two output channels share a byte, four input channels are its
// word.
struct NibblePlace {
  uint64_t byte;
  uint32_t shift;
};

NibblePlace nibble_place(uint64_t packed_index) {
  const uint64_t block = packed_index / 16, o = packed_index / 4 % 4, i = packed_index % 4;
  return {block * 8 + o / 2 * 4 + i, static_cast<uint32_t>(o % 2 * 4)};
}

uint64_t plain_elements(const Order& order) { return order.outer * order.positions * order.inner; }

uint64_t packed_bytes(const Order& order, DType type) {
  const uint64_t elements = order.outer_blocks() * kLanes * order.positions * order.inner_blocks() * order.inner_lanes;
  return is_nibbles(type) ? elements / 2 : elements * bytes_per_element(type);
}

Status check_length(const TensorDesc& desc, uint64_t expected, size_t found) {
  if (found == expected) return {};
  return refuse(desc, format("%llu bytes were expected, %zu given", static_cast<unsigned long long>(expected), found));
}

template <size_t kBytes>
void move_elements(const Order& order, std::span<const std::byte> from, std::span<std::byte> to, bool packing) {
  for_each_element(order, [&](uint64_t packed, uint64_t plain) {
    const uint64_t source = packing ? plain : packed, target = packing ? packed : plain;
    std::memcpy(to.data() + target * kBytes, from.data() + source * kBytes, kBytes);
  });
}

void move_elements(const Order& order, DType type, std::span<const std::byte> from, std::span<std::byte> to,
                   bool packing) {
  switch (bytes_per_element(type)) {
    case 1: return move_elements<1>(order, from, to, packing);
    case 2: return move_elements<2>(order, from, to, packing);
    default: return move_elements<4>(order, from, to, packing);
  }
}

Status check_nibbles(const TensorDesc& desc, std::span<const std::byte> plain) {
  const int low = desc.type == DType::i4 ? -8 : 0;
  for (std::byte b : plain) {
    const int value = static_cast<int8_t>(b);
    if (value < low || value > low + 15) return refuse(desc, format("the value %d does not fit in 4 bits", value));
  }
  return {};
}

}  // namespace

Result<uint64_t> stored_bytes(const TensorDesc& desc) {
  if (desc.packing == Packing::plain) {
    NBL_TRY(std::vector<uint64_t> sizes, sizes_of(desc));
    uint64_t bytes = bytes_per_element(desc.type);
    for (uint64_t size : sizes) bytes *= size;
    return bytes;
  }
  NBL_TRY(Order order, order_of(desc));
  return packed_bytes(order, desc.type);
}

Result<std::vector<std::byte>> pack_weights(const TensorDesc& desc, std::span<const std::byte> plain) {
  if (desc.packing == Packing::plain) {
    NBL_TRY(uint64_t bytes, stored_bytes(desc));
    NBL_CHECK(check_length(desc, bytes, plain.size()));
    return std::vector<std::byte>(plain.begin(), plain.end());
  }
  NBL_TRY(Order order, order_of(desc));
  NBL_CHECK(check_length(desc, plain_elements(order) * bytes_per_element(desc.type), plain.size()));
  std::vector<std::byte> out(packed_bytes(order, desc.type));
  if (!is_nibbles(desc.type)) {
    move_elements(order, desc.type, plain, out, true);
    return out;
  }
  NBL_CHECK(check_nibbles(desc, plain));
  for_each_element(order, [&](uint64_t packed, uint64_t index) {
    const NibblePlace place = nibble_place(packed);
    out[place.byte] |= (plain[index] & std::byte{0xF}) << place.shift;
  });
  return out;
}

Result<std::vector<std::byte>> unpack_weights(const TensorDesc& desc, std::span<const std::byte> packed) {
  if (desc.packing == Packing::plain) return pack_weights(desc, packed);
  NBL_TRY(Order order, order_of(desc));
  NBL_CHECK(check_length(desc, packed_bytes(order, desc.type), packed.size()));
  std::vector<std::byte> out(plain_elements(order) * bytes_per_element(desc.type));
  if (!is_nibbles(desc.type)) {
    move_elements(order, desc.type, packed, out, false);
    return out;
  }
  for_each_element(order, [&](uint64_t index, uint64_t plain) {
    const NibblePlace place = nibble_place(index);
    const int nibble = static_cast<int>(packed[place.byte] >> place.shift & std::byte{0xF});
    out[plain] = static_cast<std::byte>(nibble >= 8 && desc.type == DType::i4 ? nibble - 16 : nibble);
  });
  return out;
}

}  // namespace nibble
