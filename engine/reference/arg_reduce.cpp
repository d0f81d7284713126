#include "ops/arg_reduce.h"

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

template <class E>
int64_t best_index(const ArgReduce& op, const E* x, int64_t length, int64_t step) {
  int64_t best = 0;
  for (int64_t i = 1; i < length; ++i) {
    const E a = x[i * step];
    const E b = x[best * step];
    const bool better = op.minimum ? a < b : a > b;
    if (better || (op.last_index && a == b)) best = i;
  }
  return best;
}

}  // namespace

template <class T>
Status evaluate(const ArgReduce& op, Args<T>& args) {
  const std::vector<int64_t>& shape = args[0].shape;
  const auto axis = static_cast<size_t>(op.axis);
  const int64_t length = shape[axis];
  const int64_t inner = product(shape, axis + 1, shape.size());
  std::vector<int64_t>& y = args.out.stored;
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i);
    const int64_t first = row / inner * length * inner + row % inner;
    y[i] = args[0].is_real() ? best_index(op, args[0].real.data() + first, length, inner)
                             : best_index(op, args[0].stored.data() + first, length, inner);
  }
  return {};
}

template Status evaluate(const ArgReduce&, Args<double>&);
template Status evaluate(const ArgReduce&, Args<float>&);

}  // namespace nibble::reference
