#include "ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/requantize.h"
#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

// x in its own order beside the output element each of its elements goes to.
template <class T>
Walk<2> reduction(const Reduce& op, const BasicValue<T>& x) {
  std::vector<int64_t> kept = x.shape;
  for (int64_t axis : op.axes) kept[static_cast<size_t>(axis)] = 1;
  return Walk<2>(x.shape, {row_major_strides(x.shape), broadcast_strides(kept, x.shape)});
}

// sums[...] = combine(sums[...], x[...]) over all of x.
template <class A, class X, class F>
void fold(const Walk<2>& walk, const X* x, A* sums, F&& combine) {
  const int64_t step = walk.row_stride(1);
  walk.for_each_row([&](const std::array<int64_t, 2>& offsets) {
    const X* row = x + offsets[0];
    A* to = sums + offsets[1];
    if (step == 0) {
      A sum = *to;
      for (int64_t i = 0; i < walk.row_length(); ++i) sum = combine(sum, row[i]);
      *to = sum;
    } else {
      for (int64_t i = 0; i < walk.row_length(); ++i) to[i * step] = combine(to[i * step], row[i]);
    }
  });
}

template <class T>
void log_sum_exp(const Walk<2>& walk, const BasicValue<T>& x, std::vector<double>& out) {
  std::vector<double> largest(out.size(), -std::numeric_limits<double>::infinity());
  fold(walk, x.real.data(), largest.data(), [](double a, T b) { return std::max(a, static_cast<double>(b)); });
  for (double& value : largest) value = std::isfinite(value) ? value : 0.0;
  const Walk<2>& again = walk;
  const int64_t step = again.row_stride(1);
  std::fill(out.begin(), out.end(), 0.0);
  again.for_each_row([&](const std::array<int64_t, 2>& offsets) {
    for (int64_t i = 0; i < again.row_length(); ++i) {
      const auto to = static_cast<size_t>(offsets[1] + i * step);
      out[to] += std::exp(static_cast<double>(x.real[static_cast<size_t>(offsets[0] + i)]) - largest[to]);
    }
  });
  for (size_t i = 0; i < out.size(); ++i) out[i] = largest[i] + std::log(out[i]);
}

template <class T>
void reduce_reals(const Reduce& op, const Walk<2>& walk, Args<T>& args) {
  const T* x = args[0].real.data();
  std::vector<double> sums(args.out.real.size(), 0.0);
  const auto run = [&](double first, auto combine) {
    std::fill(sums.begin(), sums.end(), first);
    fold(walk, x, sums.data(), [&](double a, T b) { return combine(a, static_cast<double>(b)); });
  };
  const auto count = static_cast<double>(args[0].real.size() / std::max<size_t>(sums.size(), 1));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (op.kind) {
    case ReduceKind::mean:
    case ReduceKind::sum: run(0.0, [](double a, double b) { return a + b; }); break;
    case ReduceKind::max: run(-kInfinity, [](double a, double b) { return std::max(a, b); }); break;
    case ReduceKind::min: run(kInfinity, [](double a, double b) { return std::min(a, b); }); break;
    case ReduceKind::sum_square:
    case ReduceKind::l2: run(0.0, [](double a, double b) { return a + b * b; }); break;
    case ReduceKind::l1: run(0.0, [](double a, double b) { return a + std::abs(b); }); break;
    case ReduceKind::prod: run(1.0, [](double a, double b) { return a * b; }); break;
    case ReduceKind::log_sum_exp: log_sum_exp(walk, args[0], sums); break;
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    double value = sums[i];
    if (op.kind == ReduceKind::mean) value /= count;
    if (op.kind == ReduceKind::l2) value = std::sqrt(value);
    args.out.real[i] = static_cast<T>(value);
  }
}

template <class T>
void integer_mean(const Reduce& op, const Walk<2>& walk, Args<T>& args) {
  const Quant& in = args[0].desc.quant;
  const Quant& out = args.out.desc.quant;
  std::vector<int64_t>& y = args.out.stored;
  const int64_t zero_x = in.zero_point;
  fold(walk, args[0].stored.data(), y.data(), [=](int64_t a, int64_t b) { return a + b - zero_x; });
  const auto count = static_cast<int64_t>(args[0].stored.size() / y.size());
  const FixedMultiplier factor = mean_multiplier(in.scale(), out.scale(), count);
  for (int64_t& value : y) {
    const int32_t mean = requantize(static_cast<int32_t>(value), factor.multiplier, factor.shift);
    value = std::clamp<int64_t>(int64_t{out.zero_point} + mean, op.clamp.min, op.clamp.max);
  }
}

template <class T>
void reduce_integers(const Reduce& op, const Walk<2>& walk, Args<T>& args) {
  const int64_t* x = args[0].stored.data();
  std::vector<int64_t>& y = args.out.stored;
  const auto run = [&](int64_t first, auto combine) {
    std::fill(y.begin(), y.end(), first);
    fold(walk, x, y.data(), combine);
  };
  switch (op.kind) {
    case ReduceKind::max:
      run(std::numeric_limits<int64_t>::min(), [](int64_t a, int64_t b) { return std::max(a, b); });
      break;
    case ReduceKind::min:
      run(std::numeric_limits<int64_t>::max(), [](int64_t a, int64_t b) { return std::min(a, b); });
      break;
    case ReduceKind::prod:
      run(1, [](int64_t a, int64_t b) {
        return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
      });
      break;
    default:
      run(0, [](int64_t a, int64_t b) {
        return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
      });
      break;
  }
  if (args.out.desc.type != DType::i32) return;
  for (int64_t& value : y) value = static_cast<int32_t>(value);
}

}  // namespace

template <class T>
Status evaluate(const Reduce& op, Args<T>& args) {
  const Walk<2> walk = reduction(op, args[0]);
  if (args[0].is_real()) {
    reduce_reals(op, walk, args);
  } else if (op.kind == ReduceKind::mean) {
    integer_mean(op, walk, args);
  } else {
    reduce_integers(op, walk, args);
  }
  return {};
}

template Status evaluate(const Reduce&, Args<double>&);
template Status evaluate(const Reduce&, Args<float>&);

}  // namespace nibble::reference
