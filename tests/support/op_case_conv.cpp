#include <algorithm>
#include <cmath>
#include <random>

#include "core/requantize.h"
#include "tests/support/op_case.h"

namespace nibble::test {

namespace {

struct WeightShape {
  std::vector<int64_t> shape;  // [O, I, kh, kw] or [N, K]
  bool depthwise = false;

  int64_t outputs() const { return shape[0]; }
  int64_t taps() const { return shape.size() == 4 ? shape[2] * shape[3] : 1; }
  int64_t reduction() const { return shape[1] * taps(); }
  int64_t groups(int32_t group_size) const { return (taps() * ((shape[1] + 3) / 4 * 4) - 1) / group_size + 1; }
};

// Numbers of a case, drawn from its own description so that they do not depend on the order of tests.
class Numbers {
 public:
  explicit Numbers(const WeightShape& weights)
      : random_(static_cast<uint32_t>(weights.reduction() * 31 + weights.outputs())) {}
  double uniform(double low, double high) { return low + static_cast<double>(random_()) / 4294967296.0 * (high - low); }
  std::vector<double> integers(int64_t count, double low, double high) {
    std::vector<double> out(static_cast<size_t>(count));
    for (double& value : out) value = std::floor(uniform(low, high + 1.0));
    return out;
  }

 private:
  std::mt19937 random_;
};

CaseInput slot(DType type, std::vector<int64_t> shape, std::vector<double> elements, Packing packing = Packing::plain) {
  CaseInput out;
  out.constant = true;
  out.desc.type = type;
  out.desc.shape = Shape(shape.begin(), shape.end());
  out.desc.packing = packing;
  out.elements = std::move(elements);
  return out;
}

Packing packing_of(const WeightShape& weights, const ConvScheme& scheme) {
  if (!scheme.packed) return Packing::plain;
  return weights.depthwise && !is_nibbles(scheme.weights) ? Packing::depthwise : Packing::blocked;
}

CaseInput quantized_weights(const WeightShape& weights, const ConvScheme& scheme, Numbers& numbers) {
  const bool four_bits = scheme.weights == DType::i4;
  const bool looked_up = scheme.weights == DType::lut4;
  const double high = four_bits ? 7 : looked_up ? 15 : 127;
  const double low = four_bits ? -8 : looked_up ? 0 : scheme.full_range ? -128 : -127;
  CaseInput out =
      slot(scheme.weights, weights.shape, numbers.integers(weights.reduction() * weights.outputs(), low, high),
           packing_of(weights, scheme));
  std::vector<float> scales(static_cast<size_t>(weights.outputs()));
  for (float& scale : scales) scale = static_cast<float>(numbers.uniform(0.5, 1.0) / 64.0);
  out.desc.quant = Quant::channel(0, std::move(scales));
  if (four_bits) {
    out.desc.quant.kind = Quant::Kind::per_group;
    out.desc.quant.group_size = scheme.group_size;
  }
  return out;
}

CaseInput float_weights(const WeightShape& weights, const ConvScheme& scheme, Numbers& numbers) {
  std::vector<double> elements(static_cast<size_t>(weights.reduction() * weights.outputs()));
  for (double& element : elements) element = numbers.uniform(-1.0, 1.0);
  return slot(scheme.weights, weights.shape, std::move(elements), packing_of(weights, scheme));
}

// Sum over all weights of one output channel, group multipliers included: what the zero point of x adds to each sum.
// `fifth`: the multipliers of int4, the codebook of lut4.
double weight_sum(const WeightShape& weights, const ConvScheme& scheme, const CaseInput& w, const CaseInput& fifth,
                  int64_t output) {
  const int64_t taps = weights.taps();
  const int64_t padded = (weights.shape[1] + 3) / 4 * 4;
  double sum = 0.0;
  for (int64_t i = 0; i < weights.shape[1]; ++i) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      const double q = w.elements[static_cast<size_t>((output * weights.shape[1] + i) * taps + tap)];
      const int64_t group = (tap * padded + i) / scheme.group_size;
      const bool four_bits = scheme.weights == DType::i4;
      const int64_t columns = four_bits ? weights.groups(scheme.group_size) : 1;
      if (scheme.weights == DType::lut4) {
        sum += fifth.elements[static_cast<size_t>(q)];
        continue;
      }
      sum += q * (four_bits ? fifth.elements[static_cast<size_t>(output * columns + group)] : 1.0);
    }
  }
  return sum;
}

void add_integer_slots(OpCase& out, const WeightShape& weights, const ConvScheme& scheme, const CaseInput& multipliers,
                       Numbers& numbers) {
  const bool four_bits = scheme.weights == DType::i4;
  // A sum of random products spreads like sqrt(reduction) * (rms of x) * (rms of w).
  const double rms_weight = four_bits ? 4.6 * 148.0 : 73.3;
  const double spread = std::sqrt(static_cast<double>(weights.reduction())) * 73.3 * rms_weight;
  std::vector<double> bias, factors, shifts;
  for (int64_t o = 0; o < weights.outputs(); ++o) {
    const double folded = scheme.zero_point * weight_sum(weights, scheme, out.inputs[1], multipliers, o);
    bias.push_back(std::round(numbers.uniform(-0.3, 0.3) * spread - folded));
    const FixedMultiplier factor = fixed_multiplier(numbers.uniform(40.0, 90.0) / spread);
    factors.push_back(factor.multiplier);
    shifts.push_back(factor.shift);
  }
  const std::vector<int64_t> channels{weights.outputs()};
  out.inputs.push_back(scheme.bias ? slot(DType::i32, channels, bias) : absent());
  out.inputs.push_back(slot(DType::i32, channels, factors));
  out.inputs.push_back(slot(DType::u8, channels, shifts));
  out.declared = declared_i8(0.05f, -9);
}

void add_float_slots(OpCase& out, const WeightShape& weights, const ConvScheme& scheme, Numbers& numbers) {
  std::vector<double> bias(static_cast<size_t>(weights.outputs()));
  for (double& value : bias) value = numbers.uniform(-1.0, 1.0);
  const std::vector<int64_t> channels{weights.outputs()};
  out.inputs.push_back(scheme.bias ? slot(DType::f32, channels, bias) : absent());
  if (scheme.weights != DType::i8 && !is_nibbles(scheme.weights)) return;
  const std::vector<float>& scales = out.inputs[1].desc.quant.scales;
  out.inputs.push_back(slot(DType::f32, channels, {scales.begin(), scales.end()}));
}

OpCase weighted_case(std::string name, Op op, const std::vector<int64_t>& x, const WeightShape& weights,
                     const ConvScheme& scheme) {
  Numbers numbers(weights);
  OpCase out{std::move(name), std::move(op), {}, std::nullopt, 1.0};
  const bool integer = scheme.x == DType::i8;
  const bool quantized = scheme.weights == DType::i8 || is_nibbles(scheme.weights);
  CaseInput fed = integer ? i8(x, 0.03f, scheme.zero_point) : scheme.x == DType::f16 ? f16(x) : f32(x);
  if (integer && scheme.full_range) fed.low = -128;
  out.inputs.push_back(std::move(fed));
  out.inputs.push_back(quantized ? quantized_weights(weights, scheme, numbers)
                                 : float_weights(weights, scheme, numbers));
  CaseInput multipliers = absent();
  if (scheme.weights == DType::i4) {
    const int64_t columns = weights.groups(scheme.group_size);
    multipliers = slot(DType::u8, {weights.outputs(), columns}, numbers.integers(weights.outputs() * columns, 1, 255),
                       scheme.packed ? Packing::group_multipliers : Packing::plain);
  }
  // No entry is zero, so that whatever pads the weights would show.
  if (scheme.weights == DType::lut4) {
    multipliers = slot(DType::i8, {16}, {});
    for (int k = 0; k < 16; ++k) multipliers.elements.push_back(k < 2 && scheme.full_range ? -128 : 17 * k - 127);
  }
  if (integer) {
    add_integer_slots(out, weights, scheme, multipliers, numbers);
  } else {
    add_float_slots(out, weights, scheme, numbers);
  }
  if (is_nibbles(scheme.weights)) {
    while (out.inputs.size() < conv_input::group_multiplier) out.inputs.push_back(absent());
    out.inputs.push_back(std::move(multipliers));
  }
  return out;
}

}  // namespace

OpCase conv_case(std::string name, Conv2d op, std::vector<int64_t> x, int64_t outputs, int64_t kernel_h,
                 int64_t kernel_w, const ConvScheme& scheme) {
  const int64_t inputs = x[1] / op.groups;
  const bool depthwise = inputs == 1 && op.groups == outputs && op.groups > 1;
  return weighted_case(std::move(name), op, x, {{outputs, inputs, kernel_h, kernel_w}, depthwise}, scheme);
}

OpCase conv_transpose_case(std::string name, ConvTranspose2d op, std::vector<int64_t> x, int64_t outputs,
                           int64_t kernel_h, int64_t kernel_w, const ConvScheme& scheme) {
  const int64_t inputs = x[1] / op.groups;
  const bool depthwise = inputs == 1 && op.groups == outputs && op.groups > 1;
  return weighted_case(std::move(name), op, x, {{outputs, inputs, kernel_h, kernel_w}, depthwise}, scheme);
}

OpCase linear_case(std::string name, Linear op, std::vector<int64_t> x, int64_t outputs, const ConvScheme& scheme) {
  return weighted_case(std::move(name), op, x, {{outputs, x.back()}, false}, scheme);
}

}  // namespace nibble::test
