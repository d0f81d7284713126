#include "ops/matmul.h"

#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

// [rows, columns] of one matrix after an optional transposition of what is stored.
template <class T>
std::vector<T> transposed(const T* stored, int64_t rows, int64_t columns) {
  std::vector<T> out(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) out[static_cast<size_t>(r * columns + c)] = stored[c * rows + r];
  }
  return out;
}

template <class T>
void multiply(const T* a, const T* b, T* y, int64_t rows, int64_t inner, int64_t columns) {
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t k = 0; k < inner; ++k) {
      const T factor = a[m * inner + k];
      for (int64_t n = 0; n < columns; ++n) y[m * columns + n] += factor * b[k * columns + n];
    }
  }
}

}  // namespace

template <class T>
Status evaluate(const MatMul& op, Args<T>& args) {
  const std::vector<int64_t>& shape = args.out.shape;
  const size_t rank = shape.size();
  const int64_t rows = shape[rank - 2];
  const int64_t columns = shape[rank - 1];
  const std::vector<int64_t>& a_shape = args[0].shape;
  const std::vector<int64_t>& b_shape = args[1].shape;
  const int64_t inner = a_shape[a_shape.size() - (op.transpose_a ? 2 : 1)];
  if (inner != b_shape[b_shape.size() - (op.transpose_b ? 1 : 2)]) {
    return Error{Code::invalid_argument, "inner sizes of a and b differ"};
  }
  // Offsets count whole matrices.
  const std::span<const int64_t> batch(shape.data(), rank - 2);
  const std::span<const int64_t> a_batch(a_shape.data(), a_shape.size() - 2);
  const std::span<const int64_t> b_batch(b_shape.data(), b_shape.size() - 2);
  const Walk<3> walk(batch,
                     {row_major_strides(batch), broadcast_strides(a_batch, batch), broadcast_strides(b_batch, batch)});
  walk.for_each_row([&](const std::array<int64_t, 3>& offsets) {
    for (int64_t i = 0; i < walk.row_length(); ++i) {
      T* y = args.out.real.data() + (offsets[0] + i * walk.row_stride(0)) * rows * columns;
      const T* a = args[0].real.data() + (offsets[1] + i * walk.row_stride(1)) * rows * inner;
      const T* b = args[1].real.data() + (offsets[2] + i * walk.row_stride(2)) * inner * columns;
      const std::vector<T> a_turned = op.transpose_a ? transposed(a, rows, inner) : std::vector<T>();
      const std::vector<T> b_turned = op.transpose_b ? transposed(b, inner, columns) : std::vector<T>();
      multiply(op.transpose_a ? a_turned.data() : a, op.transpose_b ? b_turned.data() : b, y, rows, inner, columns);
    }
  });
  return {};
}

template Status evaluate(const MatMul&, Args<double>&);
template Status evaluate(const MatMul&, Args<float>&);

}  // namespace nibble::reference
