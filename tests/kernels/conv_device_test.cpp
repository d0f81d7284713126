// Convolutions, transposed convolutions and Linear: every kernel row that a device can run against the oracle.
#include <algorithm>
#include <cctype>

#include "kernels/step_parts.h"
#include "tests/kernels/device_case.h"

namespace nibble::test {
namespace {

// The selections out of a codebook are more than SwiftShader's register allocator ends with. No driver that runs on a
// CPU is given these rows outside of tests.
bool compiles_codebooks() { return device_under_test().caps().device_name.find("SwiftShader") == std::string::npos; }

std::string run_once(const BuiltCase& built, const gpu::Caps& caps, const KernelOverrides& overrides,
                     LoweredPlan* used) {
  const gpu::Device& device = device_under_test();
  auto plan = Lowering(built.graph, caps, overrides).run();
  if (!plan) return plan.error().message;
  if (used) *used = *plan;
  std::vector<std::vector<std::byte>> feeds;
  for (const auto& value : built.feeds) feeds.push_back(reference::value_bytes(value));
  auto outputs = run_plan(device, built.graph, *plan, feeds);
  return outputs ? mismatch(built, (*outputs)[0]) : outputs.error().message;
}

// What the device prefers, then every row that does the same on it. (run_case would also vary layouts, which makes too
// many pipelines for as many cases as here.)
void check(const BuiltCase& built, const std::string& name, const gpu::Caps& caps) {
  LoweredPlan plan;
  ASSERT_EQ(run_once(built, caps, {}, &plan), "") << name;
  const auto preferred = [&](const std::string& row) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [&](const Step& step) { return kernel_table()[static_cast<size_t>(step.kernel)].name == row; });
  };
  for (const auto& [row, overrides] : eligible_rows(plan, caps)) {
    if (preferred(row)) continue;
    EXPECT_EQ(run_once(built, caps, overrides, nullptr), "") << name << ", " << row;
  }
}

void check(const OpCase& op_case) {
  const auto built = build(op_case, 1);
  ASSERT_TRUE(built) << op_case.name << ": " << built.error().message;
  gpu::Caps caps = device_under_test().caps();
  check(*built, op_case.name, caps);
  // Drivers that run on a CPU get int8 in place of a codebook; here as any GPU does it.
  const TensorId weights = built->graph.nodes[0].inputs[conv_input::weights];
  if (built->graph.desc(weights).type != DType::lut4 || caps.device_type != gpu::DeviceType::cpu) return;
  if (!compiles_codebooks()) return;
  caps.device_type = gpu::DeviceType::discrete;
  caps.bits &= ~uint32_t{gpu::Caps::lanes};
  check(*built, op_case.name + " as on a GPU", caps);
}

struct Scheme {
  const char* name;
  ConvScheme scheme;
};

std::ostream& operator<<(std::ostream& out, const Scheme& scheme) { return out << scheme.name; }

const Scheme kSchemes[] = {
    {"f32 x f32", {}},
    {"f32 x f16", {.weights = DType::f16}},
    {"f32 x i8", {.weights = DType::i8}},
    {"f32 x i4", {.weights = DType::i4}},
    {"f16 x f32", {.x = DType::f16}},
    {"f16 x f16", {.x = DType::f16, .weights = DType::f16}},
    {"f16 x i8", {.x = DType::f16, .weights = DType::i8}},
    {"f16 x i4", {.x = DType::f16, .weights = DType::i4}},
    {"i8 x i8", {.x = DType::i8, .weights = DType::i8}},
    {"i8 x i8 down to -128, no bias",
     {.x = DType::i8, .weights = DType::i8, .bias = false, .full_range = true, .zero_point = -128}},
    {"i8 x i4", {.x = DType::i8, .weights = DType::i4}},
    {"f32 x lut4", {.weights = DType::lut4}},
    {"f16 x lut4", {.x = DType::f16, .weights = DType::lut4}},
    {"i8 x lut4", {.x = DType::i8, .weights = DType::lut4}},
    {"i8 x lut4 down to -128", {.x = DType::i8, .weights = DType::lut4, .full_range = true, .zero_point = -128}},
};

const Scheme kGroupSizes[] = {
    {"i8 x i4, groups of 64", {.x = DType::i8, .weights = DType::i4, .group_size = 64, .full_range = true}},
    {"i8 x i4, groups of 128", {.x = DType::i8, .weights = DType::i4, .group_size = 128, .zero_point = 0}},
};

class WeightedOp : public ::testing::TestWithParam<Scheme> {
 protected:
  const ConvScheme& scheme() const { return GetParam().scheme; }
};

TEST_P(WeightedOp, one_output_of_one_input) {
  check(conv_case("1x1 of one pixel", Conv2d{}, {1, 1, 1, 1}, 1, 1, 1, scheme()));
  check(conv_case("1x1, odd channels", Conv2d{}, {1, 5, 3, 7}, 6, 1, 1, scheme()));
}

TEST_P(WeightedOp, padding_on_every_side) {
  const Conv2d same{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  check(conv_case("3x3 same", same, {1, 8, 6, 9}, 12, 3, 3, scheme()));
  check(conv_case("one wide", same, {1, 6, 7, 1}, 9, 3, 3, scheme()));
  check(conv_case("one high, batch 2", same, {2, 6, 1, 11}, 5, 3, 3, scheme()));
  check(conv_case("uneven", Conv2d{.pad_top = 2, .pad_left = 0, .pad_bottom = 1, .pad_right = 3}, {2, 3, 5, 6}, 7, 3, 4,
                  scheme()));
  check(conv_case("more than the kernel", Conv2d{.pad_top = 4, .pad_left = 5}, {1, 4, 3, 3}, 4, 2, 2, scheme()));
}

TEST_P(WeightedOp, strides_and_dilations) {
  check(conv_case("stride 2", Conv2d{.stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1}, {1, 3, 17, 19}, 8, 3,
                  3, scheme()));
  check(conv_case("stride 3, 1", Conv2d{.stride_h = 3}, {1, 4, 10, 9}, 4, 2, 5, scheme()));
  check(conv_case(
      "dilated", Conv2d{.dilation_h = 2, .dilation_w = 3, .pad_top = 2, .pad_left = 3, .pad_bottom = 2, .pad_right = 3},
      {1, 10, 9, 13}, 11, 3, 3, scheme()));
  check(conv_case("1x1, stride 2", Conv2d{.stride_h = 2, .stride_w = 2}, {1, 12, 9, 8}, 20, 1, 1, scheme()));
}

TEST_P(WeightedOp, long_reductions_and_many_outputs) {
  check(conv_case("1x1 of 1,100 channels", Conv2d{}, {1, 1100, 2, 5}, 17, 1, 1, scheme()));
  check(conv_case("3x3 of 130 channels", Conv2d{.pad_top = 1, .pad_left = 1}, {1, 130, 5, 5}, 33, 3, 3, scheme()));
  check(conv_case("1x2 of 1,030 channels", Conv2d{}, {1, 1030, 2, 4}, 5, 1, 2, scheme()));
  check(conv_case("7x7 of 3 channels", Conv2d{.stride_h = 2, .stride_w = 2, .pad_top = 3, .pad_left = 3},
                  {1, 3, 20, 23}, 10, 7, 7, scheme()));
}

TEST_P(WeightedOp, tiles_of_every_size) {
  const Conv2d same{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  check(conv_case("3x3 with 44 outputs", same, {1, 9, 20, 21}, 44, 3, 3, scheme()));
  check(conv_case("3x3 of 70 channels", same, {1, 70, 9, 13}, 20, 3, 3, scheme()));
  check(conv_case("1x1 with 33 outputs", Conv2d{}, {1, 12, 17, 19}, 33, 1, 1, scheme()));
  check(conv_transpose_case("transposed with 36 outputs", ConvTranspose2d{.stride_h = 2, .stride_w = 2}, {1, 5, 11, 17},
                            36, 3, 3, scheme()));
  check(linear_case("many rows", Linear{}, {70, 40}, 41, scheme()));
}

TEST_P(WeightedOp, groups) {
  const Conv2d same{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1, .groups = 2};
  check(conv_case("of whole blocks", same, {1, 16, 5, 6}, 24, 3, 3, scheme()));
  check(conv_case("of whole blocks, odd tiles", same, {2, 8, 5, 6}, 40, 1, 1, scheme()));
  Conv2d three = same;
  three.groups = 3;
  check(conv_case("that cut through blocks", three, {1, 15, 5, 6}, 18, 3, 3, scheme()));
  check(conv_case("with several outputs a channel", three, {1, 3, 5, 6}, 12, 3, 3, scheme()));
}

TEST_P(WeightedOp, transposed) {
  const ConvTranspose2d twice{.stride_h = 2, .stride_w = 2};
  check(conv_transpose_case("2x2, stride 2", twice, {1, 8, 5, 7}, 12, 2, 2, scheme()));
  ConvTranspose2d padded = twice;
  padded.pad_top = padded.pad_left = padded.pad_bottom = padded.pad_right = 1;
  padded.output_pad_h = padded.output_pad_w = 1;
  check(conv_transpose_case("3x3, stride 2, padded, batch 2", padded, {2, 7, 4, 5}, 9, 3, 3, scheme()));
  check(conv_transpose_case("stride 1", ConvTranspose2d{.pad_top = 1}, {1, 5, 6, 5}, 6, 3, 3, scheme()));
  check(conv_transpose_case("stride beyond the kernel", ConvTranspose2d{.stride_h = 3, .stride_w = 4}, {1, 4, 3, 3}, 4,
                            2, 2, scheme()));
  check(conv_transpose_case("dilated", ConvTranspose2d{.stride_h = 2, .stride_w = 3, .dilation_h = 2, .dilation_w = 2},
                            {1, 6, 4, 4}, 8, 3, 3, scheme()));
  ConvTranspose2d grouped = padded;
  grouped.groups = 2;
  check(conv_transpose_case("groups", grouped, {1, 8, 4, 5}, 16, 3, 3, scheme()));
  grouped.groups = 3;
  check(conv_transpose_case("groups that cut through blocks", grouped, {1, 9, 4, 5}, 6, 3, 3, scheme()));
  grouped.groups = 6;
  check(conv_transpose_case("depthwise", grouped, {1, 6, 4, 5}, 6, 3, 3, scheme()));
}

TEST_P(WeightedOp, linear) {
  check(linear_case("one row", Linear{}, {1, 70}, 10, scheme()));
  check(linear_case("a vector", Linear{}, {37}, 5, scheme()));
  check(linear_case("rows", Linear{}, {2, 3, 33}, 21, scheme()));
  check(linear_case("a long row", Linear{}, {1, 1300}, 1001, scheme()));
}

// Lowering takes these rows on GPUs only; here they are forced.
void check_gemv(const OpCase& op_case, const ConvScheme& scheme) {
  const auto built = build(op_case, 1);
  ASSERT_TRUE(built) << op_case.name << ": " << built.error().message;
  // Weights out of a codebook are looked up on GPUs only, and where no block is padded.
  gpu::Caps caps = device_under_test().caps();
  if (scheme.weights == DType::lut4) caps.device_type = gpu::DeviceType::discrete;
  const TensorDesc& weights = built->graph.desc(built->graph.nodes[0].inputs[conv_input::weights]);
  const bool as_int8 = scheme.weights == DType::lut4 && weights.shape[1].value() % 4 != 0;
  const KernelKey key{as_int8 ? ElementType::i8 : element_type(scheme.weights), element_type(scheme.x),
                      ElementType::any};
  int rows = 0;
  for (const Kernel& row : kernel_table()) {
    if (row.family != Family::gemv || row.key != key || !device_under_test().caps().has(row.needs)) continue;
    KernelOverrides overrides;
    overrides.family_to_name.emplace_back("gemv", std::string(row.name));
    LoweredPlan plan;
    EXPECT_EQ(run_once(*built, caps, overrides, &plan), "") << op_case.name << ", " << row.name;
    rows += std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
      return kernel_table()[static_cast<size_t>(step.kernel)].name == row.name;
    });
  }
  EXPECT_GT(rows, 0) << op_case.name;
}

TEST_P(WeightedOp, one_row_shared_by_the_invocations_of_a_workgroup) {
  if (scheme().weights == DType::lut4 && !compiles_codebooks()) GTEST_SKIP() << "codebooks are looked up on GPUs only";
  check_gemv(linear_case("one row", Linear{}, {1, 70}, 10, scheme()), scheme());
  check_gemv(linear_case("few inputs", Linear{}, {3}, 5, scheme()), scheme());
  check_gemv(linear_case("a long row", Linear{}, {1, 1300}, 1001, scheme()), scheme());
  check_gemv(linear_case("a very long row", Linear{}, {1, 4100}, 6, scheme()), scheme());
  check_gemv(conv_case("pixels", Conv2d{}, {2, 41, 1, 1}, 9, 1, 1, scheme()), scheme());
}

TEST_P(WeightedOp, weights_in_plain_order) {
  ConvScheme plain = scheme();
  plain.packed = false;
  check(conv_case("3x3", Conv2d{.pad_top = 1, .pad_left = 1}, {2, 5, 4, 6}, 7, 3, 3, plain));
  check(linear_case("rows", Linear{}, {3, 33}, 21, plain));
}

std::string scheme_name(const ::testing::TestParamInfo<Scheme>& info) {
  std::string name;
  for (char c : std::string_view(info.param.name)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Types, WeightedOp, ::testing::ValuesIn(kSchemes), scheme_name);

class GroupSizes : public WeightedOp {};

TEST_P(GroupSizes, groups_end_inside_taps_and_short_at_the_end) {
  check(conv_case("3x3", Conv2d{.pad_top = 1, .pad_left = 1}, {1, 36, 5, 5}, 12, 3, 3, scheme()));
  check(conv_case("1x1", Conv2d{}, {1, 300, 2, 5}, 9, 1, 1, scheme()));
  check(conv_transpose_case("transposed", ConvTranspose2d{.stride_h = 2}, {1, 20, 4, 5}, 8, 3, 3, scheme()));
  check(linear_case("a long row", Linear{}, {1, 1300}, 101, scheme()));
}

INSTANTIATE_TEST_SUITE_P(Types, GroupSizes, ::testing::ValuesIn(kGroupSizes), scheme_name);

class DepthwiseScheme : public WeightedOp {};

TEST_P(DepthwiseScheme, windows_of_every_kind) {
  const auto run = [&](const char* name, Conv2d op, std::vector<int64_t> x, int64_t kernel_h, int64_t kernel_w) {
    op.groups = static_cast<int32_t>(x[1]);
    const int64_t channels = x[1];
    check(conv_case(name, op, std::move(x), channels, kernel_h, kernel_w, scheme()));
  };
  const Conv2d same{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  run("3x3", same, {1, 8, 9, 10}, 3, 3);
  run("3x3, odd channels, batch 2", same, {2, 7, 5, 17}, 3, 3);
  run("3x3, one wide", same, {1, 6, 5, 1}, 3, 3);
  Conv2d two = same;
  two.stride_h = two.stride_w = 2;
  run("3x3, stride 2", two, {1, 12, 11, 23}, 3, 3);
  run("5x5, stride 2", two, {1, 4, 11, 23}, 5, 5);
  run("7x7", same, {1, 4, 9, 15}, 7, 7);
  run("dilated by 4",
      Conv2d{.dilation_h = 4, .dilation_w = 4, .pad_top = 4, .pad_left = 4, .pad_bottom = 4, .pad_right = 4},
      {1, 4, 9, 18}, 3, 3);
  run("beyond the window: 9 wide", same, {1, 5, 4, 20}, 2, 9);
  run("beyond the window: dilated by 12", Conv2d{.dilation_w = 12, .pad_left = 12, .pad_right = 12}, {1, 4, 4, 20}, 1,
      3);
  run("uneven padding", Conv2d{.pad_left = 2, .pad_bottom = 3}, {1, 9, 6, 6}, 3, 2);
}

INSTANTIATE_TEST_SUITE_P(Types, DepthwiseScheme, ::testing::ValuesIn(kSchemes), scheme_name);

TEST(ConvActivation, ends_a_float_layer_and_keeps_spare_lanes_zero) {
  for (UnaryKind kind : {UnaryKind::relu, UnaryKind::clip, UnaryKind::leaky_relu, UnaryKind::sigmoid, UnaryKind::silu,
                         UnaryKind::tanh, UnaryKind::hard_swish, UnaryKind::gelu}) {
    Conv2d op;
    op.activation = {kind, 0.25f, 0.75f};
    OpCase op_case = conv_case(to_string(kind), op, {1, 5, 4, 3}, 6, 1, 1, {});
    op_case.tolerance_factor = 8;  // devices compute exp to a few units in the last place
    check(op_case);
  }
}

// Real layers have shifts above 32, which take a short way.
TEST(ConvRequantize, factors_of_every_size) {
  for (DType weights : {DType::i8, DType::i4, DType::lut4}) {
    OpCase op_case =
        conv_case("shifts from 1 to 62", Conv2d{}, {1, 2, 5, 9}, 62, 1, 1, {.x = DType::i8, .weights = weights});
    for (size_t o = 0; o < 62; ++o) op_case.inputs[conv_input::shift].elements[o] = static_cast<double>(o + 1);
    check(op_case);
    std::fill(op_case.inputs[conv_input::bias].elements.begin(), op_case.inputs[conv_input::bias].elements.end(), -5.0);
    op_case.inputs[conv_input::multiplier].elements[33] = 0.0;
    check(op_case);
  }
}

// Powers of two as factors: sums lie halfway between two results, of both signs, though all shifts are above 32.
TEST(ConvRequantize, ties_go_away_from_zero_for_any_shift) {
  for (DType weights : {DType::i8, DType::i4, DType::lut4}) {
    OpCase op_case = conv_case("ties", Conv2d{}, {1, 4, 9, 9}, 8, 1, 1, {.x = DType::i8, .weights = weights});
    for (size_t o = 0; o < 8; ++o) {
      op_case.inputs[conv_input::multiplier].elements[o] = static_cast<double>(1 << 30);
      op_case.inputs[conv_input::shift].elements[o] = static_cast<double>(33 + o);
    }
    check(op_case);
  }
}

// Ties whose results lie beyond the clamp: the short way rounds them otherwise, and the clamp makes them the same.
TEST(ConvRequantize, ties_beyond_the_clamp_are_the_same_either_way) {
  OpCase op_case = conv_case("far ties", Conv2d{}, {1, 64, 9, 9}, 8, 1, 1,
                             {.x = DType::i8, .weights = DType::i8, .full_range = true});
  for (double& each : op_case.inputs[conv_input::weights].elements) each = each < 0 ? -128.0 : 64.0;
  for (size_t o = 0; o < 8; ++o) {
    op_case.inputs[conv_input::bias].elements[o] = o % 2 == 0 ? -2048.0 : 2048.0;
    op_case.inputs[conv_input::multiplier].elements[o] = static_cast<double>(513 << 21);
    op_case.inputs[conv_input::shift].elements[o] = 33.0;  // odd multiples of 2048 are ties
  }
  check(op_case);
}

// The largest products a depthwise kernel sums in fp32, and one tap more.
TEST(ConvDepthwise, sums_of_many_taps_are_exact) {
  for (const int64_t width : {512, 513}) {
    Conv2d op;
    op.groups = 4;
    OpCase op_case = conv_case("one row", op, {1, 4, 1, width + 2}, 4, 1, width,
                               {.x = DType::i8, .weights = DType::i8, .full_range = true});
    std::vector<double>& weights = op_case.inputs[conv_input::weights].elements;
    for (double& w : weights) w = -128.0;
    op_case.inputs[conv_input::x].low = op_case.inputs[conv_input::x].high = -128.0;
    check(op_case);
    op_case.inputs[conv_input::x].low = op_case.inputs[conv_input::x].high = 127.0;
    check(op_case);
  }
}

// Sums on either side of a half of the result, for every shift of the short way. Weights are zero, biases are the sums.
TEST(ConvSums, beside_a_half_are_rounded_exactly) {
  constexpr int64_t kShifts = 30, kChannels = 4 * kShifts;
  OpCase op_case = conv_case("halves", Conv2d{}, {1, 8, 9, 9}, kChannels, 1, 1,
                             {.x = DType::i8, .weights = DType::i8, .full_range = true});
  for (double& each : op_case.inputs[conv_input::weights].elements) each = 0.0;
  for (size_t o = 0; o < kChannels; ++o) {
    const int shift = 33 + static_cast<int>(o / 4);
    const int64_t multiplier = 1518500249;        // of all 31 bits
    const int64_t wanted = shift < 54 ? 100 : 1;  // what a sum of 32 bits reaches
    // The least sum whose product is above the half.
    const int64_t half = (2 * wanted - 1) << (shift - 1);
    const int64_t least = (half + multiplier - 1) / multiplier;
    const int64_t sum = o % 2 == 0 ? least : least - 1;
    op_case.inputs[conv_input::bias].elements[o] = static_cast<double>(o % 4 < 2 ? sum : -sum);
    op_case.inputs[conv_input::multiplier].elements[o] = static_cast<double>(multiplier);
    op_case.inputs[conv_input::shift].elements[o] = static_cast<double>(shift);
  }
  check(op_case);
}

// The largest sums that kernels keep in fp32 (146 steps of 4 channels where weights are offset to unsigned, 256 else),
// and a step more. The biases take the sums away again, so that the results show their lowest bits. Enough outputs for
// rows that share weights over lanes.
TEST(ConvSums, of_many_channels_are_exact) {
  for (const int64_t channels : {584, 588, 1024, 1028}) {
    for (const double w : {127.0, -127.0}) {
      for (const double x : {-128.0, 127.0}) {
        OpCase op_case = conv_case("extremes", Conv2d{}, {1, channels, 9, 9}, 16, 1, 1,
                                   {.x = DType::i8, .weights = DType::i8, .full_range = true});
        for (double& each : op_case.inputs[conv_input::weights].elements) each = w;
        op_case.inputs[conv_input::x].low = op_case.inputs[conv_input::x].high = x;
        const double sum = static_cast<double>(channels) * w * x;
        for (size_t o = 0; o < 16; ++o) {
          op_case.inputs[conv_input::bias].elements[o] = 7.0 * static_cast<double>(o) - sum;
          op_case.inputs[conv_input::multiplier].elements[o] = static_cast<double>(1 << 30);
          op_case.inputs[conv_input::shift].elements[o] = 31.0;
        }
        check(op_case);
      }
    }
  }
}

TEST(ConvClamp, bounds_of_integer_layers_hold) {
  Conv2d op;
  op.clamp = {-9, 40};
  check(conv_case("relu-like", op, {1, 16, 5, 5}, 8, 1, 1, {.x = DType::i8, .weights = DType::i8}));
  op.clamp = {-128, 127};
  check(
      conv_case("full range", op, {1, 16, 5, 5}, 8, 1, 1, {.x = DType::i8, .weights = DType::i8, .full_range = true}));
}

}  // namespace
}  // namespace nibble::test
