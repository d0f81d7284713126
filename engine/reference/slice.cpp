#include "ops/slice.h"

#include "reference/args.h"
#include "reference/copy_strided.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Slice& op, Args<T>& args) {
  const std::vector<int64_t> in_strides = row_major_strides(args[0].shape);
  std::vector<int64_t> strides(in_strides.size());
  int64_t first = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    strides[i] = in_strides[i] * op.steps[i];
    const int64_t start = op.starts[i].evaluate({});
    const int64_t last = start + (args.out.shape[i] - 1) * op.steps[i];
    if (start < 0 || start >= args[0].shape[i] || last < 0 || last >= args[0].shape[i]) {
      return Error{Code::invalid_argument, "slice reaches outside x"};
    }
    first += in_strides[i] * start;
  }
  const Walk<2> walk(args.out.shape, {row_major_strides(args.out.shape), strides});
  with_elements(args[0], args.out, [&](const auto* x, auto* y) { copy_strided(walk, x + first, y); });
  return {};
}

template Status evaluate(const Slice&, Args<double>&);
template Status evaluate(const Slice&, Args<float>&);

}  // namespace nibble::reference
