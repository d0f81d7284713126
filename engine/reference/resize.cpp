#include "ops/resize.h"

#include <algorithm>

#include "core/requantize.h"
#include "reference/args.h"
#include "reference/conv_weights.h"

namespace nibble::reference {

namespace {

// One plane [in_h, in_w] to [out_h, out_w]: first the rows that make an output row, then along it.
template <class A, class X, class W>
void resize_plane(const ResizeTaps& rows, const ResizeTaps& columns, const std::vector<W>& row_weights,
                  const std::vector<W>& column_weights, const X* x, int64_t in_w, std::vector<A>& line, A* y,
                  int64_t out_h, int64_t out_w) {
  for (int64_t oy = 0; oy < out_h; ++oy) {
    std::fill(line.begin(), line.end(), A{0});
    for (int64_t k = oy * rows.taps; k < (oy + 1) * rows.taps; ++k) {
      const X* from = x + rows.index[static_cast<size_t>(k)] * in_w;
      const auto weight = static_cast<A>(row_weights[static_cast<size_t>(k)]);
      for (int64_t i = 0; i < in_w; ++i) line[static_cast<size_t>(i)] += weight * static_cast<A>(from[i]);
    }
    for (int64_t ox = 0; ox < out_w; ++ox) {
      A sum = 0;
      for (int64_t k = ox * columns.taps; k < (ox + 1) * columns.taps; ++k) {
        const auto at = static_cast<size_t>(k);
        sum += static_cast<A>(column_weights[at]) * line[static_cast<size_t>(columns.index[at])];
      }
      *y++ = sum;
    }
  }
}

template <class E>
void pick_nearest(const ResizeTaps& rows, const ResizeTaps& columns, const E* x, int64_t in_w, E* y) {
  for (int32_t row : rows.index) {
    for (int32_t column : columns.index) *y++ = x[row * in_w + column];
  }
}

}  // namespace

template <class T>
Status evaluate(const Resize& op, Args<T>& args) {
  const std::vector<int64_t>& in = args[0].shape;
  const std::vector<int64_t>& out = args.out.shape;
  const ResizeTaps rows = resize_taps(op, true, in[2], out[2]);
  const ResizeTaps columns = resize_taps(op, false, in[3], out[3]);
  const int64_t in_plane = in[2] * in[3];
  const int64_t out_plane = out[2] * out[3];
  const int64_t planes = in[0] * in[1];
  if (op.mode == ResizeMode::nearest) {
    with_elements(args[0], args.out, [&](const auto* x, auto* y) {
      for (int64_t p = 0; p < planes; ++p) pick_nearest(rows, columns, x + p * in_plane, in[3], y + p * out_plane);
    });
    return {};
  }
  if (args[0].is_real()) {
    std::vector<T> line(static_cast<size_t>(in[3]));
    for (int64_t p = 0; p < planes; ++p) {
      resize_plane(rows, columns, rows.weight, columns.weight, args[0].real.data() + p * in_plane, in[3], line,
                   args.out.real.data() + p * out_plane, out[2], out[3]);
    }
    return {};
  }
  const int32_t zero_point = args[0].desc.quant.zero_point;
  const int32_t least = args[0].desc.type == DType::u8 ? 0 : -128;
  const std::vector<uint32_t> x = centered(args[0]);
  std::vector<uint32_t> line(static_cast<size_t>(in[3]));
  std::vector<uint32_t> sums(static_cast<size_t>(out_plane));
  for (int64_t p = 0; p < planes; ++p) {
    resize_plane(rows, columns, rows.integer_weight, columns.integer_weight, x.data() + p * in_plane, in[3], line,
                 sums.data(), out[2], out[3]);
    for (int64_t i = 0; i < out_plane; ++i) {
      const int32_t sum = static_cast<int32_t>(sums[static_cast<size_t>(i)]);
      const int64_t y = int64_t{zero_point} + round_shift(sum, 2 * kResizeWeightBits);
      args.out.stored[static_cast<size_t>(p * out_plane + i)] = std::clamp<int64_t>(y, least, least + 255);
    }
  }
  return {};
}

template Status evaluate(const Resize&, Args<double>&);
template Status evaluate(const Resize&, Args<float>&);

}  // namespace nibble::reference
