#include "ops/instance_norm.h"

#include <cmath>

#include "reference/args.h"
#include "reference/elementwise.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

struct Moments {
  double mean, variance;
};

template <class T>
Moments moments(const T* x, int64_t n) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  const double mean = sum / static_cast<double>(n);
  double squares = 0.0;
  for (int64_t i = 0; i < n; ++i) squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  return {mean, squares / static_cast<double>(n)};
}

}  // namespace

template <class T>
Status evaluate(const InstanceNorm& op, Args<T>& args) {
  const std::vector<int64_t>& shape = args[0].shape;
  const int64_t channels = shape[1];
  const int64_t groups = op.groups > 0 ? op.groups : channels;
  const int64_t group_channels = channels / groups;
  const int64_t inner = product(shape, 2, shape.size());
  for (int64_t block = 0; block < shape[0] * groups; ++block) {
    const T* x = args[0].real.data() + block * group_channels * inner;
    T* y = args.out.real.data() + block * group_channels * inner;
    const Moments m = moments(x, group_channels * inner);
    const double factor = 1.0 / std::sqrt(m.variance + static_cast<double>(op.epsilon));
    for (int64_t c = 0; c < group_channels; ++c) {
      const auto channel = static_cast<size_t>(block % groups * group_channels + c);
      const auto gain = static_cast<T>(factor * (args.has(1) ? static_cast<double>(args[1].real[channel]) : 1.0));
      const T bias = args.has(2) ? args[2].real[channel] : T{0};
      const auto mean = static_cast<T>(m.mean);
      for (int64_t i = c * inner; i < (c + 1) * inner; ++i) y[i] = (x[i] - mean) * gain + bias;
    }
  }
  apply_activation(op.activation, args.out.real.data(), args.out.real.size());
  return {};
}

template Status evaluate(const InstanceNorm&, Args<double>&);
template Status evaluate(const InstanceNorm&, Args<float>&);

}  // namespace nibble::reference
