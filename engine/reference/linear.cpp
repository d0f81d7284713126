#include "ops/linear.h"

#include "core/try.h"
#include "reference/args.h"
#include "reference/conv_weights.h"
#include "reference/elementwise.h"

namespace nibble::reference {

namespace {

// y[r, n] += sum over k of x[r, k] * w[n, k]
template <class A>
void add_products(const A* x, const A* weights, A* y, int64_t rows, int64_t outputs, int64_t inputs) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t n = 0; n < outputs; ++n) {
      A sum = 0;
      for (int64_t k = 0; k < inputs; ++k) sum += x[r * inputs + k] * weights[n * inputs + k];
      y[r * outputs + n] += sum;
    }
  }
}

}  // namespace

template <class T>
Status evaluate(const Linear& op, Args<T>& args) {
  const BasicValue<T>& x = args[conv_input::x];
  const int64_t outputs = args[conv_input::weights].shape[0];
  const int64_t inputs = args[conv_input::weights].shape[1];
  const int64_t rows = static_cast<int64_t>(x.elements()) / inputs;
  if (!x.is_real()) {
    NBL_CHECK(check_factors(args));
    const std::vector<int64_t> weights = integer_weights(args);
    std::vector<uint32_t> sums = initial_sums(args, weights, rows, outputs, 1);
    add_products(centered(x).data(), modular(weights).data(), sums.data(), rows, outputs, inputs);
    requantize_sums(args, sums, rows, outputs, 1, op.clamp);
    return {};
  }
  NBL_TRY(const std::vector<T> weights, real_weights(args));
  add_products(x.real.data(), weights.data(), args.out.real.data(), rows, outputs, inputs);
  add_bias(args, rows, outputs, 1);
  apply_activation(op.activation, args.out.real.data(), args.out.real.size());
  return {};
}

template Status evaluate(const Linear&, Args<double>&);
template Status evaluate(const Linear&, Args<float>&);

}  // namespace nibble::reference
