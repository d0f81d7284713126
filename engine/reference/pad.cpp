#include "ops/pad.h"

#include <algorithm>

#include "core/requantize.h"
#include "reference/args.h"
#include "reference/strided.h"

namespace nibble::reference {

namespace {

// For each output index along one axis the input index it repeats, or -1 for the constant.
std::vector<int64_t> source_indices(PadMode mode, int64_t size, int64_t begin, int64_t end) {
  std::vector<int64_t> out;
  for (int64_t i = -begin; i < size + end; ++i) {
    const bool inside = i >= 0 && i < size;
    if (inside) {
      out.push_back(i);
    } else if (mode == PadMode::constant) {
      out.push_back(-1);
    } else if (mode == PadMode::edge) {
      out.push_back(i < 0 ? 0 : size - 1);
    } else if (mode == PadMode::wrap) {
      out.push_back(((i % size) + size) % size);
    } else {
      out.push_back(i < 0 ? -i : 2 * (size - 1) - i);
    }
  }
  return out;
}

struct PadAxis {
  std::vector<int64_t> sources;
  int64_t begin, size, stride;  // padding in front, and size and stride of the input
};

// A row along the last axis: its middle is the input's row as it is.
template <class E>
E* pad_row(const PadAxis& axis, const E* x, bool outside, E constant, E* y) {
  const auto fill = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) *y++ = outside || axis.sources[i] < 0 ? constant : x[axis.sources[i]];
  };
  const auto middle = static_cast<size_t>(axis.begin);
  const size_t after = middle + static_cast<size_t>(axis.size);
  fill(0, middle);
  if (outside) {
    fill(middle, after);
  } else {
    y = std::copy_n(x, axis.size, y);
  }
  fill(after, axis.sources.size());
  return y;
}

template <class E>
E* pad_axes(std::span<const PadAxis> axes, const E* x, bool outside, E constant, E* y) {
  if (axes.size() == 1) return pad_row(axes[0], x, outside, constant, y);
  for (int64_t index : axes[0].sources) {
    const bool out = outside || index < 0;
    y = pad_axes(axes.subspan(1), out ? x : x + index * axes[0].stride, out, constant, y);
  }
  return y;
}

}  // namespace

template <class T>
Status evaluate(const Pad& op, Args<T>& args) {
  const BasicValue<T>& x = args[0];
  if (x.shape.empty()) {
    args.out.real = x.real;
    args.out.stored = x.stored;
    return {};
  }
  const std::vector<int64_t> strides = row_major_strides(x.shape);
  std::vector<PadAxis> axes;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    axes.push_back(
        {source_indices(op.mode, x.shape[i], op.begins[i], op.ends[i]), op.begins[i], x.shape[i], strides[i]});
  }
  if (x.is_real()) {
    pad_axes<T>(axes, x.real.data(), false, static_cast<T>(op.value), args.out.real.data());
    return {};
  }
  int64_t constant = static_cast<int64_t>(op.value);
  if (x.desc.type == DType::i8) {
    constant = quantize(static_cast<double>(op.value), x.desc.quant.scale(), x.desc.quant.zero_point, -128, 127);
  } else if (x.desc.type == DType::u8) {
    constant = quantize(static_cast<double>(op.value), x.desc.quant.scale(), x.desc.quant.zero_point, 0, 255);
  }
  pad_axes<int64_t>(axes, x.stored.data(), false, constant, args.out.stored.data());
  return {};
}

template Status evaluate(const Pad&, Args<double>&);
template Status evaluate(const Pad&, Args<float>&);

}  // namespace nibble::reference
