#include "ops/layer_norm.h"

#include <cmath>

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const LayerNorm& op, Args<T>& args) {
  const std::vector<int64_t>& shape = args[0].shape;
  const size_t axis = static_cast<size_t>(op.axis < 0 ? op.axis + static_cast<int64_t>(shape.size()) : op.axis);
  const int64_t rows = product(shape, 0, axis);
  const int64_t length = product(shape, axis, shape.size());
  for (int64_t row = 0; row < rows; ++row) {
    const T* x = args[0].real.data() + row * length;
    T* y = args.out.real.data() + row * length;
    double mean = 0.0;
    for (int64_t i = 0; !op.rms && i < length; ++i) mean += static_cast<double>(x[i]) / static_cast<double>(length);
    double variance = 0.0;
    for (int64_t i = 0; i < length; ++i) {
      const double distance = static_cast<double>(x[i]) - mean;
      variance += distance * distance / static_cast<double>(length);
    }
    const double factor = 1.0 / std::sqrt(variance + static_cast<double>(op.epsilon));
    for (int64_t i = 0; i < length; ++i) {
      const auto at = static_cast<size_t>(i);
      double value = (static_cast<double>(x[i]) - mean) * factor;
      if (args.has(1)) value *= static_cast<double>(args[1].real[at]);
      if (args.has(2)) value += static_cast<double>(args[2].real[at]);
      y[i] = static_cast<T>(value);
    }
  }
  return {};
}

template Status evaluate(const LayerNorm&, Args<double>&);
template Status evaluate(const LayerNorm&, Args<float>&);

}  // namespace nibble::reference
