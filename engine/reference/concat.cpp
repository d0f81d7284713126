#include "ops/concat.h"

#include <algorithm>

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Concat& op, Args<T>& args) {
  const auto axis = static_cast<size_t>(op.axis);
  const std::vector<int64_t>& out = args.out.shape;
  const int64_t outer = product(out, 0, axis);
  const int64_t out_row = product(out, axis, out.size());
  int64_t first = 0;
  for (size_t i = 0; i < args.in.size(); ++i) {
    const int64_t row = product(args[i].shape, axis, args[i].shape.size());
    if (static_cast<int64_t>(args[i].elements()) != outer * row || first + row > out_row) {
      return Error{Code::invalid_argument, "inputs do not fit together"};
    }
    with_elements(args[i], args.out, [&](const auto* x, auto* y) {
      for (int64_t n = 0; n < outer; ++n) std::copy_n(x + n * row, row, y + n * out_row + first);
    });
    first += row;
  }
  return {};
}

template Status evaluate(const Concat&, Args<double>&);
template Status evaluate(const Concat&, Args<float>&);

}  // namespace nibble::reference
