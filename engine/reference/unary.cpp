#include "ops/unary.h"

#include <algorithm>

#include "reference/args.h"
#include "reference/elementwise.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

int64_t apply_to_integer(UnaryKind kind, int64_t x, double a, double b) {
  switch (kind) {
    case UnaryKind::relu: return std::max<int64_t>(x, 0);
    case UnaryKind::clip:
      return static_cast<double>(x) < a   ? static_cast<int64_t>(a)
             : static_cast<double>(x) > b ? static_cast<int64_t>(b)
                                          : x;
    case UnaryKind::neg: return static_cast<int64_t>(uint64_t{0} - static_cast<uint64_t>(x));
    case UnaryKind::abs: return x < 0 ? static_cast<int64_t>(uint64_t{0} - static_cast<uint64_t>(x)) : x;
    case UnaryKind::sign: return x > 0 ? 1 : x < 0 ? -1 : 0;
    default: return x;  // identity; infer() admits no other
  }
}

// One row for all of x, or one per index of axis 1.
template <class T>
void look_up(const BasicValue<T>& x, const BasicValue<T>& table, BasicValue<T>& y) {
  const int64_t first = x.desc.type == DType::i8 ? -128 : 0;
  const bool per_channel = table.shape.size() == 2;
  const auto inner = static_cast<size_t>(per_channel ? product(x.shape, 2, x.shape.size()) : 1);
  const auto channels = static_cast<size_t>(per_channel ? x.shape[1] : 1);
  for (size_t i = 0; i < x.stored.size(); ++i) {
    const size_t row = i / inner % channels;
    y.stored[i] = table.stored[row * 256 + static_cast<size_t>(x.stored[i] - first)];
  }
}

}  // namespace

template <class T>
Status evaluate(const Unary& op, Args<T>& args) {
  const BasicValue<T>& x = args[0];
  if (args.has(1)) {
    look_up(x, args[1], args.out);
  } else if (x.is_real()) {
    apply_unary<T>(op.kind, static_cast<T>(op.a), static_cast<T>(op.b), x.real.data(), args.out.real.data(),
                   x.real.size());
  } else {
    for (size_t i = 0; i < x.stored.size(); ++i) {
      args.out.stored[i] = apply_to_integer(op.kind, x.stored[i], static_cast<double>(op.a), static_cast<double>(op.b));
    }
  }
  return {};
}

template Status evaluate(const Unary&, Args<double>&);
template Status evaluate(const Unary&, Args<float>&);

}  // namespace nibble::reference
