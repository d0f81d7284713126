#include "format/packing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/half.h"

namespace nibble {
namespace {

TensorDesc desc_of(DType type, Packing packing, std::vector<int64_t> shape) {
  TensorDesc out{.name = "w", .type = type, .shape = {}, .quant = {}, .packing = packing};
  for (int64_t size : shape) out.shape.emplace_back(size);
  return out;
}

std::vector<std::byte> random_plain(const TensorDesc& desc) {
  size_t elements = 1;
  for (int64_t size : values(desc.shape)) elements *= static_cast<size_t>(size);
  std::mt19937 random(static_cast<uint32_t>(elements));
  std::vector<std::byte> out(elements * bytes_per_element(desc.type));
  for (std::byte& b : out) {
    const uint32_t bits = random();
    b = desc.type == DType::i4 ? static_cast<std::byte>(static_cast<int>(bits % 16) - 8) : static_cast<std::byte>(bits);
  }
  return out;
}

std::vector<std::byte> bytes_of(const std::vector<int>& values) {
  std::vector<std::byte> out;
  for (int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

void expect_round_trip(const TensorDesc& desc) {
  SCOPED_TRACE(std::string(to_string(desc.type)) + to_string(desc.shape));
  const std::vector<std::byte> plain = random_plain(desc);
  const auto packed = pack_weights(desc, plain);
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(packed->size(), stored_bytes(desc).value());
  const auto back = unpack_weights(desc, *packed);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, plain);
}

TEST(Packing, round_trips_every_type_and_odd_size) {
  for (DType type : {DType::f32, DType::f16, DType::i8, DType::i4}) {
    for (int64_t o : {1, 3, 4, 5, 8, 17}) {
      for (int64_t i : {1, 2, 4, 7, 33}) {
        expect_round_trip(desc_of(type, Packing::blocked, {o, i}));
        expect_round_trip(desc_of(type, Packing::blocked, {o, i, 3, 2}));
      }
      if (type != DType::i4) expect_round_trip(desc_of(type, Packing::depthwise, {o, 1, 3, 5}));
      expect_round_trip(desc_of(type, Packing::plain, {o, 7}));
    }
  }
  for (int64_t o : {1, 4, 6}) expect_round_trip(desc_of(DType::u8, Packing::group_multipliers, {o, 5}));
}

TEST(Packing, blocked_int8_nests_o4_ky_kx_i4_o_i) {
  const TensorDesc desc = desc_of(DType::i8, Packing::blocked, {6, 5, 2, 3});
  const std::vector<std::byte> plain = random_plain(desc);
  const auto packed = pack_weights(desc, plain).value();
  ASSERT_EQ(packed.size(), 2u * 2 * 3 * 2 * 16);
  size_t at = 0;
  for (size_t ob = 0; ob < 2; ++ob)
    for (size_t ky = 0; ky < 2; ++ky)
      for (size_t kx = 0; kx < 3; ++kx)
        for (size_t ib = 0; ib < 2; ++ib)
          for (size_t o = ob * 4; o < ob * 4 + 4; ++o)
            for (size_t i = ib * 4; i < ib * 4 + 4; ++i, ++at) {
              const std::byte expected = o < 6 && i < 5 ? plain[((o * 5 + i) * 2 + ky) * 3 + kx] : std::byte{0};
              ASSERT_EQ(packed[at], expected) << "byte " << at;
            }
}

TEST(Packing, int4_puts_two_outputs_in_a_byte_and_four_inputs_in_a_word) {
  const TensorDesc desc = desc_of(DType::i4, Packing::blocked, {4, 4});
  // Row o holds the weights of output o.
  const auto packed = pack_weights(desc, bytes_of({1, 2, 3, 4,      //
                                                   -1, -2, -3, -4,  //
                                                   5, 6, 7, 0,      //
                                                   -8, -7, -6, -5}));
  ASSERT_TRUE(packed);
  EXPECT_EQ(*packed, bytes_of({0xF1, 0xE2, 0xD3, 0xC4, 0x85, 0x96, 0xA7, 0xB0}));
}

TEST(Packing, depthwise_and_multipliers_put_four_channels_in_a_word) {
  const TensorDesc depthwise = desc_of(DType::i8, Packing::depthwise, {5, 1, 1, 2});
  EXPECT_EQ(pack_weights(depthwise, bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})).value(),
            bytes_of({1, 3, 5, 7, 2, 4, 6, 8, 9, 0, 0, 0, 10, 0, 0, 0}));
  const TensorDesc multipliers = desc_of(DType::u8, Packing::group_multipliers, {5, 2});
  EXPECT_EQ(pack_weights(multipliers, bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})).value(),
            bytes_of({1, 3, 5, 7, 2, 4, 6, 8, 9, 0, 0, 0, 10, 0, 0, 0}));
}

TEST(Packing, refuses_what_it_cannot_mean) {
  EXPECT_FALSE(stored_bytes(desc_of(DType::i32, Packing::blocked, {4, 4})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::i4, Packing::depthwise, {4, 1, 3, 3})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, Packing::blocked, {4})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, Packing::depthwise, {4, 2, 3, 3})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, static_cast<Packing>(9), {4, 4})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, Packing::plain, {-1})));
  TensorDesc open = desc_of(DType::f32, Packing::plain, {4});
  open.shape[0] = Dim::symbol("N");
  EXPECT_FALSE(stored_bytes(open));
  const TensorDesc desc = desc_of(DType::i4, Packing::blocked, {1, 2});
  EXPECT_FALSE(pack_weights(desc, bytes_of({1})));
  EXPECT_FALSE(unpack_weights(desc, bytes_of({1})));
  const auto wide = pack_weights(desc, bytes_of({1, 8}));
  ASSERT_FALSE(wide);
  EXPECT_NE(wide.error().message.find("the value 8 does not fit in 4 bits"), std::string::npos);
}

TEST(Packing, counts_of_huge_shapes_are_refused_not_wrapped) {
  const int64_t huge = kMaxDim;
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, Packing::plain, {huge, huge, huge, huge})));
  EXPECT_FALSE(stored_bytes(desc_of(DType::f32, Packing::blocked, {huge, huge, 4, 4})));
  EXPECT_EQ(stored_bytes(desc_of(DType::f32, Packing::plain, {0, huge, huge, huge})).value(), 0u);
  EXPECT_EQ(pack_weights(desc_of(DType::f32, Packing::blocked, {huge, 0, huge, huge}), {}).value().size(), 0u);
  EXPECT_EQ(stored_bytes(desc_of(DType::f32, Packing::plain, {huge, 2})).value(), uint64_t{8} * kMaxDim);
}

TEST(Half, converts_every_half_exactly_both_ways) {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool nan = (bits & 0x7FFFu) > 0x7C00u;
    if (nan) {
      EXPECT_GT(half_from_float(float_from_half(half)) & 0x7FFFu, 0x7C00u);
    } else {
      ASSERT_EQ(half_from_float(float_from_half(half)), half);
    }
  }
}

TEST(Half, rounds_to_the_nearest_and_ties_to_even) {
  for (uint32_t bits = 0; bits < 0x7BFFu; ++bits) {
    const float low = float_from_half(static_cast<uint16_t>(bits)),
                high = float_from_half(static_cast<uint16_t>(bits + 1));
    const float middle = (low + high) / 2;
    ASSERT_EQ(half_from_float(middle), bits % 2 ? bits + 1 : bits);
    ASSERT_EQ(half_from_float(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(half_from_float(std::nextafter(middle, high)), bits + 1);
  }
  EXPECT_EQ(half_from_float(65519.996f), 0x7BFFu);
  EXPECT_EQ(half_from_float(65520.0f), 0x7C00u);
  EXPECT_EQ(half_from_float(-1e30f), 0xFC00u);
  EXPECT_EQ(half_from_float(-0.0f), 0x8000u);
  EXPECT_EQ(half_from_float(1e-30f), 0u);
}

}  // namespace
}  // namespace nibble
