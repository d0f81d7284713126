#include "converter/statistics/patches.h"

#include <algorithm>

#include "core/text.h"
#include "ops/op.h"

namespace nibble::statistics {

Result<PatchReader> PatchReader::make(const Graph& bound, const Node& node) {
  PatchReader r;
  const TensorDesc& x = bound.desc(node.inputs[conv_input::x]);
  const TensorDesc& w = bound.desc(node.inputs[conv_input::weights]);
  const TensorDesc& y = bound.desc(node.outputs[0]);
  if (!is_const(x.shape) || !is_const(y.shape)) {
    return Error{Code::internal, format("'%s': statistics need bound shapes", node.name.c_str())};
  }
  r.outputs_ = w.shape[0].value();
  r.inputs_ = w.shape[1].value();
  if (op_if<Linear>(node)) {
    r.linear_ = true;
    r.channels_ = r.inputs_;
    r.batch_ = elements(x.shape).value() / r.inputs_;
    return r;
  }
  const auto read = [&](const auto& op) {
    r.groups_ = op.groups;
    r.stride_h_ = op.stride_h, r.stride_w_ = op.stride_w;
    r.dilation_h_ = op.dilation_h, r.dilation_w_ = op.dilation_w;
    r.pad_top_ = op.pad_top, r.pad_left_ = op.pad_left;
  };
  if (const auto* op = op_if<Conv2d>(node)) {
    read(*op);
  } else if (const auto* transpose = op_if<ConvTranspose2d>(node)) {
    read(*transpose);
    r.transposed_ = true;
  } else {
    return Error{Code::internal, format("%s '%s' has no weights", op_name(node), node.name.c_str())};
  }
  r.kernel_h_ = static_cast<int32_t>(w.shape[2].value());
  r.kernel_w_ = static_cast<int32_t>(w.shape[3].value());
  r.batch_ = x.shape[0].value(), r.channels_ = x.shape[1].value();
  r.in_h_ = x.shape[2].value(), r.in_w_ = x.shape[3].value();
  r.out_h_ = y.shape[2].value(), r.out_w_ = y.shape[3].value();
  return r;
}

// The input row or column that kernel position k meets at output position `out`; -1: none (padding, between strides).
int64_t PatchReader::source(int64_t out, int32_t k, int64_t in_size, bool vertical) const {
  const int32_t stride = vertical ? stride_h_ : stride_w_, dilation = vertical ? dilation_h_ : dilation_w_;
  const int32_t pad = vertical ? pad_top_ : pad_left_;
  int64_t at = 0;
  if (transposed_) {
    at = out + pad - int64_t{k} * dilation;
    if (at < 0 || at % stride != 0) return -1;
    at /= stride;
  } else {
    at = out * stride - pad + int64_t{k} * dilation;
  }
  return at >= 0 && at < in_size ? at : -1;
}

void PatchReader::gather(std::span<const float> x, std::span<const int64_t> positions, float* rows) const {
  const int64_t n = static_cast<int64_t>(positions.size()), width = row();
  if (linear_) {
    for (int64_t p = 0; p < n; ++p)
      std::copy_n(x.data() + positions[static_cast<size_t>(p)] * inputs_, inputs_, rows + p * inputs_);
    return;
  }
  const int64_t plane = in_h_ * in_w_, kernel_size = kernel();
  std::vector<int64_t> offsets(static_cast<size_t>(kernel_size));
  for (int64_t p = 0; p < n; ++p) {
    const int64_t position = positions[static_cast<size_t>(p)];
    const int64_t image = position / (out_h_ * out_w_), oy = position / out_w_ % out_h_, ox = position % out_w_;
    for (int32_t ky = 0; ky < kernel_h_; ++ky) {
      const int64_t iy = source(oy, ky, in_h_, true);
      for (int32_t kx = 0; kx < kernel_w_; ++kx) {
        const int64_t ix = source(ox, kx, in_w_, false);
        offsets[static_cast<size_t>(ky * kernel_w_ + kx)] = iy < 0 || ix < 0 ? -1 : iy * in_w_ + ix;
      }
    }
    const float* from = x.data() + image * channels_ * plane;
    for (int64_t c = 0; c < channels_; ++c) {
      float* to = rows + (c / inputs_ * n + p) * width + c % inputs_ * kernel_size;
      for (int64_t k = 0; k < kernel_size; ++k) {
        const int64_t offset = offsets[static_cast<size_t>(k)];
        to[k] = offset < 0 ? 0.0f : from[c * plane + offset];
      }
    }
  }
}

void PatchReader::gather_outputs(std::span<const float> y, std::span<const int64_t> positions, float* values) const {
  const int64_t plane = out_h_ * out_w_;
  for (size_t p = 0; p < positions.size(); ++p) {
    float* to = values + static_cast<int64_t>(p) * outputs_;
    if (linear_) {
      std::copy_n(y.data() + positions[p] * outputs_, outputs_, to);
      continue;
    }
    const float* from = y.data() + positions[p] / plane * outputs_ * plane + positions[p] % plane;
    for (int64_t o = 0; o < outputs_; ++o) to[o] = from[o * plane];
  }
}

std::vector<int64_t> sampled_positions(int64_t total, int64_t wanted, uint64_t seed) {
  std::vector<int64_t> out;
  const int64_t count = std::min(total, wanted);
  out.reserve(static_cast<size_t>(count));
  uint64_t state = seed;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = i * total / count, to = (i + 1) * total / count;
    // splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    out.push_back(from + static_cast<int64_t>(z % static_cast<uint64_t>(to - from)));
  }
  return out;
}

}  // namespace nibble::statistics
