#include "ops/transpose.h"

#include "reference/args.h"
#include "reference/copy_strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Transpose& op, Args<T>& args) {
  const std::vector<int64_t> in_strides = row_major_strides(args[0].shape);
  std::vector<int64_t> strides;
  for (int64_t axis : op.perm) strides.push_back(in_strides[static_cast<size_t>(axis)]);
  const Walk<2> walk(args.out.shape, {row_major_strides(args.out.shape), strides});
  with_elements(args[0], args.out, [&](const auto* x, auto* y) { copy_strided(walk, x, y); });
  return {};
}

template Status evaluate(const Transpose&, Args<double>&);
template Status evaluate(const Transpose&, Args<float>&);

}  // namespace nibble::reference
