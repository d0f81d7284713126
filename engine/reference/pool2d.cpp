#include "ops/pool2d.h"

#include <algorithm>
#include <limits>

#include "core/requantize.h"
#include "reference/args.h"
#include "reference/conv_sums.h"

namespace nibble::reference {

namespace {

struct Window {
  int64_t in, out, kernel, stride, dilation, pad_begin, pad_end;

  // Output positions whose tap k lies inside the input.
  StepRange inside(int64_t k) const { return steps_inside(out, stride, k * dilation - pad_begin, in); }
  int64_t offset(int64_t k) const { return k * dilation - pad_begin; }
  // How many taps of each output position count: those inside the input, or inside the padded input.
  std::vector<int64_t> counts(bool padding_counts) const {
    std::vector<int64_t> out_counts(static_cast<size_t>(out), 0);
    for (int64_t k = 0; k < kernel; ++k) {
      const StepRange range =
          padding_counts ? steps_inside(out, stride, k * dilation, in + pad_begin + pad_end) : inside(k);
      for (int64_t o = range.begin; o < range.end; ++o) ++out_counts[static_cast<size_t>(o)];
    }
    return out_counts;
  }
};

// y = combine(y, x) over all taps inside the input; planes of [in] and [out].
template <class A, class F>
void for_each_tap(const Window& h, const Window& w, const A* x, A* y, F&& combine) {
  for (int64_t ky = 0; ky < h.kernel; ++ky) {
    const StepRange rows = h.inside(ky);
    for (int64_t kx = 0; kx < w.kernel; ++kx) {
      const StepRange columns = w.inside(kx);
      for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
        const A* from = x + (oy * h.stride + h.offset(ky)) * w.in + w.offset(kx);
        A* to = y + oy * w.out;
        for (int64_t ox = columns.begin; ox < columns.end; ++ox) to[ox] = combine(to[ox], from[ox * w.stride]);
      }
    }
  }
}

template <class A>
void pool_max(const Window& h, const Window& w, int64_t planes, const A* x, A* y, A lowest) {
  std::fill_n(y, planes * h.out * w.out, lowest);
  for (int64_t p = 0; p < planes; ++p) {
    for_each_tap(h, w, x + p * h.in * w.in, y + p * h.out * w.out, [](A a, A b) { return std::max(a, b); });
  }
}

template <class A>
void pool_sum(const Window& h, const Window& w, int64_t planes, const A* x, A* y) {
  for (int64_t p = 0; p < planes; ++p) {
    for_each_tap(h, w, x + p * h.in * w.in, y + p * h.out * w.out, [](A a, A b) { return static_cast<A>(a + b); });
  }
}

template <class T>
void average(const Pool2d& op, const Window& h, const Window& w, int64_t planes, Args<T>& args) {
  pool_sum(h, w, planes, args[0].real.data(), args.out.real.data());
  const std::vector<int64_t> rows = h.counts(op.count_include_pad);
  const std::vector<int64_t> columns = w.counts(op.count_include_pad);
  T* y = args.out.real.data();
  for (int64_t p = 0; p < planes; ++p) {
    for (int64_t row : rows) {
      for (int64_t column : columns) *y++ /= static_cast<T>(std::max<int64_t>(row * column, 1));
    }
  }
}

template <class T>
void integer_average(const Pool2d& op, const Window& h, const Window& w, int64_t planes, Args<T>& args) {
  std::vector<int64_t> x = args[0].stored;
  for (int64_t& value : x) value -= args[0].desc.quant.zero_point;
  std::vector<int64_t>& y = args.out.stored;
  pool_sum(h, w, planes, x.data(), y.data());
  const std::vector<int64_t> rows = h.counts(op.count_include_pad);
  const std::vector<int64_t> columns = w.counts(op.count_include_pad);
  const Quant& out = args.out.desc.quant;
  size_t at = 0;
  for (int64_t p = 0; p < planes; ++p) {
    for (int64_t row : rows) {
      for (int64_t column : columns) {
        const FixedMultiplier factor =
            mean_multiplier(args[0].desc.quant.scale(), out.scale(), std::max<int64_t>(row * column, 1));
        const int32_t mean = requantize(static_cast<int32_t>(y[at]), factor.multiplier, factor.shift);
        y[at++] = std::clamp<int64_t>(int64_t{out.zero_point} + mean, op.clamp.min, op.clamp.max);
      }
    }
  }
}

}  // namespace

template <class T>
Status evaluate(const Pool2d& op, Args<T>& args) {
  const std::vector<int64_t>& in = args[0].shape;
  const std::vector<int64_t>& out = args.out.shape;
  const Window h{in[2], out[2], op.kernel_h, op.stride_h, op.dilation_h, op.pad_top, op.pad_bottom};
  const Window w{in[3], out[3], op.kernel_w, op.stride_w, op.dilation_w, op.pad_left, op.pad_right};
  const int64_t planes = in[0] * in[1];
  if (op.kind == PoolKind::average) {
    if (args[0].is_real()) {
      average(op, h, w, planes, args);
    } else {
      integer_average(op, h, w, planes, args);
    }
  } else if (args[0].is_real()) {
    pool_max<T>(h, w, planes, args[0].real.data(), args.out.real.data(), -std::numeric_limits<T>::infinity());
  } else {
    const int64_t lowest = args[0].desc.type == DType::u8 ? 0 : -128;
    pool_max<int64_t>(h, w, planes, args[0].stored.data(), args.out.stored.data(), lowest);
  }
  return {};
}

template Status evaluate(const Pool2d&, Args<double>&);
template Status evaluate(const Pool2d&, Args<float>&);

}  // namespace nibble::reference
