#include "reference/conv_weights.h"

#include <algorithm>

#include "core/requantize.h"
#include "core/text.h"
#include "ops/conv2d.h"

namespace nibble::reference {

namespace {

// Index of the group each weight belongs to: groups count along (ky, kx, i) with i padded to a multiple of 4, as
// packed.
struct GroupIndex {
  int64_t inputs, taps, padded, size;
  int64_t operator()(int64_t i, int64_t tap) const { return (tap * padded + i) / size; }
};

template <class T, class F>
void for_each_weight(const BasicValue<T>& weights, F&& f) {
  const int64_t outputs = weights.shape[0];
  const int64_t inputs = weights.shape[1];
  const int64_t taps = weights.shape.size() == 4 ? weights.shape[2] * weights.shape[3] : 1;
  size_t at = 0;
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t tap = 0; tap < taps; ++tap) f(at++, o, i, tap);
    }
  }
}

}  // namespace

template <class T>
std::vector<int64_t> integer_weights(const Args<T>& args) {
  const BasicValue<T>& weights = args[conv_input::weights];
  std::vector<int64_t> out = weights.stored;
  if (weights.desc.type == DType::lut4) {
    for (int64_t& w : out) w = args[conv_input::codebook].stored[static_cast<size_t>(w & 0xF)];
    return out;
  }
  if (!args.has(conv_input::group_multiplier)) return out;
  const BasicValue<T>& multipliers = args[conv_input::group_multiplier];
  const int64_t columns = multipliers.shape[1];
  const int64_t taps = weights.shape.size() == 4 ? weights.shape[2] * weights.shape[3] : 1;
  const GroupIndex group{weights.shape[1], taps, (weights.shape[1] + 3) / 4 * 4, weights.desc.quant.group_size};
  for_each_weight(weights, [&](size_t at, int64_t o, int64_t i, int64_t tap) {
    out[at] *= multipliers.stored[static_cast<size_t>(o * columns + group(i, tap))];
  });
  return out;
}

template <class T>
Result<std::vector<T>> real_weights(const Args<T>& args) {
  const BasicValue<T>& weights = args[conv_input::weights];
  if (weights.is_real()) return weights.real;
  if (!args.has(conv_input::multiplier)) {
    return Error{Code::invalid_argument, "quantized weights without their scales"};
  }
  const std::vector<T>& scales = args[conv_input::multiplier].real;
  const std::vector<int64_t> integers = integer_weights(args);
  std::vector<T> out(integers.size());
  const size_t per_output = integers.size() / scales.size();
  for (size_t i = 0; i < out.size(); ++i) out[i] = scales[i / per_output] * static_cast<T>(integers[i]);
  return out;
}

template <class T>
void add_bias(const Args<T>& args, int64_t outer, int64_t outputs, int64_t inner) {
  if (!args.has(conv_input::bias)) return;
  T* y = args.out.real.data();
  for (int64_t n = 0; n < outer; ++n) {
    for (int64_t o = 0; o < outputs; ++o, y += inner) {
      const T bias = args[conv_input::bias].real[static_cast<size_t>(o)];
      for (int64_t i = 0; i < inner; ++i) y[i] += bias;
    }
  }
}

std::vector<uint32_t> modular(const std::vector<int64_t>& values) {
  std::vector<uint32_t> out(values.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint32_t>(values[i]);
  return out;
}

template <class T>
std::vector<uint32_t> centered(const BasicValue<T>& x) {
  std::vector<uint32_t> out(x.stored.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint32_t>(x.stored[i] - x.desc.quant.zero_point);
  return out;
}

template <class T>
std::vector<uint32_t> initial_sums(const Args<T>& args, const std::vector<int64_t>& weights, int64_t outer,
                                   int64_t outputs, int64_t inner) {
  std::vector<uint32_t> out;
  out.reserve(static_cast<size_t>(outer * outputs * inner));
  const int64_t per_output = static_cast<int64_t>(weights.size()) / outputs;
  for (int64_t n = 0; n < outer; ++n) {
    for (int64_t o = 0; o < outputs; ++o) {
      int64_t sum = 0;
      for (int64_t k = 0; k < per_output; ++k) sum += weights[static_cast<size_t>(o * per_output + k)];
      sum *= args[conv_input::x].desc.quant.zero_point;
      if (args.has(conv_input::bias)) sum += args[conv_input::bias].stored[static_cast<size_t>(o)];
      out.insert(out.end(), static_cast<size_t>(inner), static_cast<uint32_t>(sum));
    }
  }
  return out;
}

template <class T>
Status check_factors(const Args<T>& args) {
  for (int64_t multiplier : args[conv_input::multiplier].stored) {
    if (multiplier < 0) return Error{Code::invalid_argument, "a multiplier is negative"};
  }
  for (int64_t shift : args[conv_input::shift].stored) {
    if (shift < 1 || shift > 62) {
      return Error{Code::invalid_argument, format("expected shifts of 1 to 62, found %d", static_cast<int>(shift))};
    }
  }
  return {};
}

template <class T>
void requantize_sums(Args<T>& args, const std::vector<uint32_t>& sums, int64_t outer, int64_t outputs, int64_t inner,
                     const ClampRange& clamp) {
  const int32_t zero_point = args.out.desc.quant.zero_point;
  size_t at = 0;
  for (int64_t n = 0; n < outer; ++n) {
    for (int64_t o = 0; o < outputs; ++o) {
      const auto multiplier = static_cast<int32_t>(args[conv_input::multiplier].stored[static_cast<size_t>(o)]);
      const auto shift = static_cast<int32_t>(args[conv_input::shift].stored[static_cast<size_t>(o)]);
      for (int64_t i = 0; i < inner; ++i, ++at) {
        const int64_t y = int64_t{zero_point} + requantize(static_cast<int32_t>(sums[at]), multiplier, shift);
        args.out.stored[at] = std::clamp<int64_t>(y, clamp.min, clamp.max);
      }
    }
  }
}

template std::vector<int64_t> integer_weights(const Args<double>&);
template std::vector<int64_t> integer_weights(const Args<float>&);
template Result<std::vector<double>> real_weights(const Args<double>&);
template Result<std::vector<float>> real_weights(const Args<float>&);
template void add_bias(const Args<double>&, int64_t, int64_t, int64_t);
template void add_bias(const Args<float>&, int64_t, int64_t, int64_t);
template Status check_factors(const Args<double>&);
template Status check_factors(const Args<float>&);
template std::vector<uint32_t> centered(const BasicValue<double>&);
template std::vector<uint32_t> centered(const BasicValue<float>&);
template std::vector<uint32_t> initial_sums(const Args<double>&, const std::vector<int64_t>&, int64_t, int64_t,
                                            int64_t);
template std::vector<uint32_t> initial_sums(const Args<float>&, const std::vector<int64_t>&, int64_t, int64_t, int64_t);
template void requantize_sums(Args<double>&, const std::vector<uint32_t>&, int64_t, int64_t, int64_t,
                              const ClampRange&);
template void requantize_sums(Args<float>&, const std::vector<uint32_t>&, int64_t, int64_t, int64_t, const ClampRange&);

}  // namespace nibble::reference
