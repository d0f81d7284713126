#include "ops/expand.h"

#include "reference/args.h"
#include "reference/copy_strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Expand&, Args<T>& args) {
  const std::vector<int64_t>& shape = args.out.shape;
  const Walk<2> walk(shape, {row_major_strides(shape), broadcast_strides(args[0].shape, shape)});
  with_elements(args[0], args.out, [&](const auto* x, auto* y) { copy_strided(walk, x, y); });
  return {};
}

template Status evaluate(const Expand&, Args<double>&);
template Status evaluate(const Expand&, Args<float>&);

}  // namespace nibble::reference
