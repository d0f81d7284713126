// The integer oracle against the definition in engine/ops/INTEGER.md, computed here in another way: element by element
// over stored integers with padding read as the zero point, in 128 bits.
#include <algorithm>

#include "format/packing.h"
#include "tests/ops/evaluated.h"

namespace nibble::test {
namespace {

using reference::Value;

__extension__ using Wide = __int128;

int64_t requantized(int64_t value, int64_t multiplier, int64_t shift) {
  const Wide magnitude = Wide{value < 0 ? -value : value} * multiplier + (Wide{1} << (shift - 1));
  const auto rounded = static_cast<int64_t>(magnitude >> shift);
  return value < 0 ? -rounded : rounded;
}

struct Slots {
  const Value* x = nullptr;
  Value weights, bias, multiplier, shift, groups;
  int64_t group_size = 0;

  int64_t weight(int64_t o, int64_t i, int64_t tap, int64_t taps) const {
    const int64_t inputs = weights.shape[1];
    const int64_t q = weights.stored[static_cast<size_t>((o * inputs + i) * taps + tap)];
    if (groups.stored.empty()) return q;
    if (weights.desc.type == DType::lut4) return groups.stored[static_cast<size_t>(q)];
    const int64_t group = (tap * ((inputs + 3) / 4 * 4) + i) / group_size;
    return q * groups.stored[static_cast<size_t>(o * groups.shape[1] + group)];
  }
  int64_t finish(int64_t sum, int64_t o, int64_t zero_point, ClampRange clamp) const {
    const auto at = static_cast<size_t>(o);
    if (!bias.stored.empty()) sum += bias.stored[at];
    const int64_t y = zero_point + requantized(sum, multiplier.stored[at], shift.stored[at]);
    return std::clamp<int64_t>(y, clamp.min, clamp.max);
  }
};

Slots slots_of(const BuiltCase& built) {
  Slots out;
  out.x = &built.feeds[0];
  const std::vector<TensorId>& ids = built.graph.nodes[0].inputs;
  Value* const targets[] = {nullptr, &out.weights, &out.bias, &out.multiplier, &out.shift, &out.groups};
  for (size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] != kNoTensor) *targets[i] = reference::constant_value<double>(built.graph.tensor(ids[i])).value();
  }
  out.group_size = out.weights.desc.quant.group_size;
  return out;
}

BuiltCase built_case(const OpCase& op_case) {
  auto built = build(op_case, 7);
  EXPECT_TRUE(built) << built.error().message;
  return *std::move(built);
}

// A test proves little when everything saturates or nothing varies.
void expect_varied(const Value& value) {
  std::vector<int64_t> sorted = value.stored;
  std::sort(sorted.begin(), sorted.end());
  const auto distinct = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
  EXPECT_GT(distinct, std::min<int64_t>(20, static_cast<int64_t>(value.stored.size()) / 8));
}

void check_conv(const OpCase& op_case) {
  const BuiltCase built = built_case(op_case);
  const Slots s = slots_of(built);
  const auto& op = std::get<Conv2d>(op_case.op.value);
  const std::vector<int64_t>& x = s.x->shape;
  const std::vector<int64_t>& w = s.weights.shape;
  const std::vector<int64_t>& y = built.expected.shape;
  size_t at = 0;
  for (int64_t n = 0; n < y[0]; ++n) {
    for (int64_t o = 0; o < y[1]; ++o) {
      for (int64_t pixel = 0; pixel < y[2] * y[3]; ++pixel) {
        int64_t sum = 0;
        for (int64_t k = 0; k < w[1] * w[2] * w[3]; ++k) {
          const int64_t tap = k % (w[2] * w[3]), i = k / (w[2] * w[3]);
          const int64_t row = pixel / y[3] * op.stride_h + tap / w[3] * op.dilation_h - op.pad_top;
          const int64_t column = pixel % y[3] * op.stride_w + tap % w[3] * op.dilation_w - op.pad_left;
          const int64_t channel = o / (y[1] / op.groups) * w[1] + i;
          const bool inside = row >= 0 && row < x[2] && column >= 0 && column < x[3];
          const int64_t stored =
              inside ? s.x->stored[static_cast<size_t>(((n * x[1] + channel) * x[2] + row) * x[3] + column)]
                     : s.x->desc.quant.zero_point;
          sum += s.weight(o, i, tap, w[2] * w[3]) * stored;
        }
        ASSERT_EQ(built.expected.stored[at++], s.finish(sum, o, built.expected.desc.quant.zero_point, op.clamp));
      }
    }
  }
  expect_varied(built.expected);
}

void check_conv_transpose(const OpCase& op_case) {
  const BuiltCase built = built_case(op_case);
  const Slots s = slots_of(built);
  const auto& op = std::get<ConvTranspose2d>(op_case.op.value);
  const std::vector<int64_t>& x = s.x->shape;
  const std::vector<int64_t>& w = s.weights.shape;
  const std::vector<int64_t>& y = built.expected.shape;
  size_t at = 0;
  for (int64_t no = 0; no < y[0] * y[1]; ++no) {
    const int64_t n = no / y[1], o = no % y[1];
    for (int64_t pixel = 0; pixel < y[2] * y[3]; ++pixel) {
      int64_t sum = 0;
      for (int64_t k = 0; k < w[1] * w[2] * w[3]; ++k) {
        const int64_t tap = k % (w[2] * w[3]), i = k / (w[2] * w[3]);
        const int64_t down = pixel / y[3] + op.pad_top - tap / w[3] * op.dilation_h;
        const int64_t right = pixel % y[3] + op.pad_left - tap % w[3] * op.dilation_w;
        const int64_t row = down / op.stride_h, column = right / op.stride_w;
        const bool reached = down >= 0 && right >= 0 && down % op.stride_h == 0 && right % op.stride_w == 0 &&
                             row < x[2] && column < x[3];
        const int64_t channel = o / (y[1] / op.groups) * w[1] + i;
        const int64_t stored =
            reached ? s.x->stored[static_cast<size_t>(((n * x[1] + channel) * x[2] + row) * x[3] + column)]
                    : s.x->desc.quant.zero_point;
        sum += s.weight(o, i, tap, w[2] * w[3]) * stored;
      }
      ASSERT_EQ(built.expected.stored[at++], s.finish(sum, o, built.expected.desc.quant.zero_point, op.clamp));
    }
  }
  expect_varied(built.expected);
}

constexpr ConvScheme kInt8{.x = DType::i8, .weights = DType::i8};
constexpr ConvScheme kInt8FullRange{.x = DType::i8, .weights = DType::i8, .full_range = true, .zero_point = -128};
constexpr ConvScheme kInt4{.x = DType::i8, .weights = DType::i4};
constexpr ConvScheme kLut4{.x = DType::i8, .weights = DType::lut4};
constexpr ConvScheme kInt4Long{.x = DType::i8, .weights = DType::i4, .group_size = 128, .bias = false};

Conv2d padded_conv() {
  Conv2d op;
  op.stride_h = 2;
  op.dilation_w = 2;
  op.pad_top = 1;
  op.pad_left = 3;
  op.pad_right = 2;
  op.clamp = {-9, 127};
  return op;
}

TEST(integer_conv2d, follows_the_contract_for_int8_weights) {
  check_conv(conv_case("odd", padded_conv(), {2, 5, 9, 7}, 7, 3, 3, kInt8));
  check_conv(conv_case("full range", padded_conv(), {1, 6, 6, 8}, 4, 3, 3, kInt8FullRange));
}

TEST(integer_conv2d, follows_the_contract_for_int4_weights) {
  check_conv(conv_case("groups of 32", padded_conv(), {1, 13, 9, 7}, 6, 3, 3, kInt4));
  check_conv(conv_case("groups of 128", Conv2d{}, {1, 70, 3, 3}, 5, 2, 2, kInt4Long));
}

TEST(integer_conv2d, follows_the_contract_for_weights_out_of_a_codebook) {
  check_conv(conv_case("odd", padded_conv(), {2, 5, 9, 7}, 7, 3, 3, kLut4));
  check_conv(conv_case("unpacked", Conv2d{}, {1, 8, 3, 3}, 5, 2, 2,
                       {.x = DType::i8, .weights = DType::lut4, .packed = false}));
}

TEST(integer_conv2d, follows_the_contract_for_channel_groups) {
  Conv2d op = padded_conv();
  op.groups = 6;
  check_conv(conv_case("depthwise", op, {1, 6, 9, 9}, 6, 3, 3, kInt8));
  op.groups = 3;
  check_conv(conv_case("three groups", op, {1, 6, 9, 9}, 9, 3, 3, kInt4));
}

TEST(integer_conv_transpose2d, follows_the_contract_with_a_zero_point) {
  ConvTranspose2d op;
  op.stride_h = op.stride_w = 2;
  op.pad_top = op.pad_left = 1;
  op.output_pad_w = 1;
  check_conv_transpose(conv_transpose_case("stride two", op, {1, 5, 4, 5}, 6, 3, 3, kInt8));
  check_conv_transpose(conv_transpose_case("int4", op, {2, 9, 4, 5}, 3, 4, 2, kInt4));
  op.groups = 2;
  op.dilation_h = 2;
  check_conv_transpose(conv_transpose_case("groups", op, {1, 4, 4, 5}, 6, 3, 2, kInt8));
}

TEST(integer_linear, is_a_convolution_over_one_pixel) {
  for (const ConvScheme& scheme : {kInt8, kInt4, kInt4Long, kLut4, kInt8FullRange}) {
    const BuiltCase linear = built_case(linear_case("", Linear{}, {6, 75}, 9, scheme));
    const Slots s = slots_of(linear);
    for (int64_t at = 0; at < 54; ++at) {
      int64_t sum = 0;
      for (int64_t k = 0; k < 75; ++k)
        sum += s.weight(at % 9, k, 0, 1) * s.x->stored[static_cast<size_t>(at / 9 * 75 + k)];
      ASSERT_EQ(linear.expected.stored[static_cast<size_t>(at)], s.finish(sum, at % 9, -9, ClampRange{}));
    }
    expect_varied(linear.expected);
  }
}

}  // namespace
}  // namespace nibble::test
