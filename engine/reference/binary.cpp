#include "ops/binary.h"

#include <algorithm>

#include "core/requantize.h"
#include "reference/args.h"
#include "reference/elementwise.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

// Modulo 2^64, as ONNX Runtime computes shapes.
int64_t wrapped(BinaryKind kind, int64_t x, int64_t y) {
  const auto a = static_cast<uint64_t>(x);
  const auto b = static_cast<uint64_t>(y);
  switch (kind) {
    case BinaryKind::add: return static_cast<int64_t>(a + b);
    case BinaryKind::sub: return static_cast<int64_t>(a - b);
    case BinaryKind::mul: return static_cast<int64_t>(a * b);
    case BinaryKind::div: return y == 0 ? 0 : y == -1 ? static_cast<int64_t>(uint64_t{0} - a) : x / y;  // towards zero
    case BinaryKind::max: return std::max(x, y);
    case BinaryKind::min: return std::min(x, y);
    default: return 0;  // infer() admits no other
  }
}

int64_t quantized(const Binary& op, int32_t x, int32_t y, int32_t zero_point) {
  int64_t scaled = 0;
  if (op.kind == BinaryKind::mul) {
    scaled = requantize(x * y, op.multiplier_x, op.shift);
  } else {
    const int32_t second = op.kind == BinaryKind::sub ? -y : y;
    scaled = round_shift(x * op.multiplier_x + second * op.multiplier_y, op.shift);
  }
  return std::clamp<int64_t>(zero_point + scaled, op.clamp.min, op.clamp.max);
}

template <class T>
void evaluate_integers(const Binary& op, Args<T>& args, const Walk<3>& walk) {
  const BasicValue<T>& x = args[0];
  const BasicValue<T>& y = args[1];
  const bool contract = x.desc.type == DType::i8;
  const int64_t zero_x = x.desc.quant.zero_point;
  const int64_t zero_y = y.desc.quant.zero_point;
  walk.for_each_row([&](const std::array<int64_t, 3>& offsets) {
    for (int64_t i = 0; i < walk.row_length(); ++i) {
      const int64_t a = x.stored[static_cast<size_t>(offsets[1] + i * walk.row_stride(1))];
      const int64_t b = y.stored[static_cast<size_t>(offsets[2] + i * walk.row_stride(2))];
      int64_t& out = args.out.stored[static_cast<size_t>(offsets[0] + i)];
      if (contract) {
        out = quantized(op, static_cast<int32_t>(a - zero_x), static_cast<int32_t>(b - zero_y),
                        args.out.desc.quant.zero_point);
      } else {
        out = wrapped(op.kind, a, b);
        if (x.desc.type == DType::i32) out = static_cast<int32_t>(out);
      }
    }
  });
}

}  // namespace

template <class T>
Status evaluate(const Binary& op, Args<T>& args) {
  const BasicValue<T>& x = args[0];
  const BasicValue<T>& y = args[1];
  BasicValue<T>& z = args.out;
  const Walk<3> walk(
      z.shape, {row_major_strides(z.shape), broadcast_strides(x.shape, z.shape), broadcast_strides(y.shape, z.shape)});
  if (!x.is_real()) {
    evaluate_integers(op, args, walk);
    return {};
  }
  walk.for_each_row([&](const std::array<int64_t, 3>& offsets) {
    T* row = z.real.data() + offsets[0];
    const auto length = static_cast<size_t>(walk.row_length());
    apply_binary<T>(op.kind, x.real.data() + offsets[1], walk.row_stride(1), y.real.data() + offsets[2],
                    walk.row_stride(2), row, length);
    apply_activation(op.activation, row, length);
  });
  return {};
}

template Status evaluate(const Binary&, Args<double>&);
template Status evaluate(const Binary&, Args<float>&);

}  // namespace nibble::reference
