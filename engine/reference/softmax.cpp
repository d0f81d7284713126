#include "ops/softmax.h"

#include <algorithm>
#include <cmath>

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Softmax& op, Args<T>& args) {
  const std::vector<int64_t>& shape = args[0].shape;
  const size_t axis = static_cast<size_t>(op.axis < 0 ? op.axis + static_cast<int64_t>(shape.size()) : op.axis);
  const int64_t outer = product(shape, 0, axis);
  const int64_t length = shape[axis];
  const int64_t inner = product(shape, axis + 1, shape.size());
  for (int64_t row = 0; row < outer * inner; ++row) {
    const int64_t first = row / inner * length * inner + row % inner;
    const T* x = args[0].real.data() + first;
    T* y = args.out.real.data() + first;
    T largest = x[0];
    for (int64_t i = 1; i < length; ++i) largest = std::max(largest, x[i * inner]);
    T sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += y[i * inner] = std::exp(x[i * inner] - largest);
    const T log_sum = std::log(sum);
    for (int64_t i = 0; i < length; ++i) {
      y[i * inner] = op.log ? x[i * inner] - largest - log_sum : y[i * inner] / sum;
    }
  }
  return {};
}

template Status evaluate(const Softmax&, Args<double>&);
template Status evaluate(const Softmax&, Args<float>&);

}  // namespace nibble::reference
