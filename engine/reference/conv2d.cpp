#include "ops/conv2d.h"

#include "core/try.h"
#include "reference/args.h"
#include "reference/conv_sums.h"
#include "reference/conv_weights.h"
#include "reference/elementwise.h"

namespace nibble::reference {

namespace {

template <class T>
void evaluate_integer(const Conv2d& op, Args<T>& args, const ConvGeometry& g) {
  const int64_t inner = g.h.out * g.w.out;
  const std::vector<int64_t> weights = integer_weights(args);
  std::vector<uint32_t> sums = initial_sums(args, weights, g.batch, g.outputs, inner);
  const std::vector<uint32_t> x = centered(args[conv_input::x]);
  add_conv_sums(g, x.data(), modular(weights).data(), sums.data());
  requantize_sums(args, sums, g.batch, g.outputs, inner, op.clamp);
}

}  // namespace

template <class T>
Status evaluate(const Conv2d& op, Args<T>& args) {
  const BasicValue<T>& x = args[conv_input::x];
  const ConvGeometry g = conv_geometry(op, x.shape, args[conv_input::weights].shape, args.out.shape);
  if (!x.is_real()) {
    NBL_CHECK(check_factors(args));
    evaluate_integer(op, args, g);
    return {};
  }
  NBL_TRY(const std::vector<T> weights, real_weights(args));
  add_conv_sums(g, x.real.data(), weights.data(), args.out.real.data());
  add_bias(args, g.batch, g.outputs, g.h.out * g.w.out);
  apply_activation(op.activation, args.out.real.data(), args.out.real.size());
  return {};
}

template Status evaluate(const Conv2d&, Args<double>&);
template Status evaluate(const Conv2d&, Args<float>&);

}  // namespace nibble::reference
