#include "ops/gather.h"

#include <algorithm>

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Gather& op, Args<T>& args) {
  const auto axis = static_cast<size_t>(op.axis);
  const std::vector<int64_t>& shape = args[0].shape;
  const int64_t outer = product(shape, 0, axis);
  const int64_t length = shape[axis];
  const int64_t inner = product(shape, axis + 1, shape.size());
  const std::vector<int64_t>& indices = args[1].stored;
  with_elements(args[0], args.out, [&](const auto* x, auto* y) {
    for (int64_t n = 0; n < outer; ++n) {
      for (int64_t index : indices) {
        const int64_t at = std::clamp<int64_t>(index < 0 ? index + length : index, 0, length - 1);
        y = std::copy_n(x + (n * length + at) * inner, inner, y);
      }
    }
  });
  return {};
}

template Status evaluate(const Gather&, Args<double>&);
template Status evaluate(const Gather&, Args<float>&);

}  // namespace nibble::reference
