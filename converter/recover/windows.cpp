// Pooling over windows and over whole axes.
#include <algorithm>
#include <limits>

#include "converter/recover/layer.h"
#include "ops/op.h"

namespace nibble::recover {
namespace {

class Pool : public Layer {
 public:
  Pool(const Pool2d& op, const Extent& x, const Extent& y) : op_(op), x_(x), y_(y) {}

  Status forward(std::span<const float* const> x, float* y, LayerScratch&) const override {
    const bool max = op_.kind == PoolKind::max;
    std::fill_n(y, y_.elements(), max ? std::numeric_limits<float>::lowest() : 0.0f);
    for_each_tap([&](int64_t from, int64_t to, float share) {
      const float* a = x[0] + from;
      float* b = y + to;
      for (int64_t c = 0; c < y_.c; ++c) b[c] = max ? std::max(b[c], a[c]) : b[c] + share * a[c];
    });
    return {};
  }

  // Of several equal largest elements the first gets the gradient.
  Status backward(std::span<const float* const> x, const float* y, float* dy, std::span<float* const> dx, float*,
                  LayerScratch& scratch) const override {
    if (!dx[0]) return {};
    const bool max = op_.kind == PoolKind::max;
    scratch.values.assign(dy, dy + y_.elements());  // what is still to be given away
    float* left = scratch.values.data();
    for_each_tap([&](int64_t from, int64_t to, float share) {
      const float* a = x[0] + from;
      float* d = dx[0] + from;
      for (int64_t c = 0; c < y_.c; ++c) {
        if (!max) {
          d[c] += share * dy[to + c];
        } else if (a[c] == y[to + c]) {
          d[c] += left[to + c];
          left[to + c] = 0.0f;
        }
      }
    });
    return {};
  }

 private:
  // f(element of x, element of y, share of the average) for the channels of every tap inside the input.
  template <class F>
  void for_each_tap(F&& f) const {
    for (int64_t n = 0; n < y_.n; ++n) {
      for (int64_t oy = 0; oy < y_.h; ++oy) {
        for (int64_t ox = 0; ox < y_.w; ++ox) {
          const float share = 1.0f / static_cast<float>(std::max<int64_t>(counted(oy, true) * counted(ox, false), 1));
          const int64_t to = ((n * y_.h + oy) * y_.w + ox) * y_.c;
          for (int64_t ky = 0; ky < op_.kernel_h; ++ky) {
            const int64_t iy = oy * op_.stride_h - op_.pad_top + ky * op_.dilation_h;
            if (iy < 0 || iy >= x_.h) continue;
            for (int64_t kx = 0; kx < op_.kernel_w; ++kx) {
              const int64_t ix = ox * op_.stride_w - op_.pad_left + kx * op_.dilation_w;
              if (ix >= 0 && ix < x_.w) f(((n * x_.h + iy) * x_.w + ix) * x_.c, to, share);
            }
          }
        }
      }
    }
  }

  // Taps that an average at this position divides by, along one axis.
  int64_t counted(int64_t out, bool vertical) const {
    const int64_t kernel = vertical ? op_.kernel_h : op_.kernel_w, stride = vertical ? op_.stride_h : op_.stride_w;
    const int64_t dilation = vertical ? op_.dilation_h : op_.dilation_w;
    const int64_t begin = vertical ? op_.pad_top : op_.pad_left, end = vertical ? op_.pad_bottom : op_.pad_right;
    const int64_t size = vertical ? x_.h : x_.w;
    int64_t count = 0;
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t at = out * stride - begin + k * dilation;
      count += op_.count_include_pad ? at < size + end : at >= 0 && at < size;
    }
    return count;
  }

  Pool2d op_;
  Extent x_, y_;
};

// Mean or sum over axes: every element of x goes to one of y.
class AxisSum : public Layer {
 public:
  AxisSum(const Extent& x, const Extent& y, bool mean) : x_(x), y_(y) {
    factor_ = mean ? static_cast<float>(y.elements()) / static_cast<float>(x.elements()) : 1.0f;
  }

  Status forward(std::span<const float* const> x, float* y, LayerScratch&) const override {
    std::fill_n(y, y_.elements(), 0.0f);
    for_each([&](int64_t from, int64_t to) { y[to] += factor_ * x[0][from]; });
    return {};
  }

  Status backward(std::span<const float* const>, const float*, float* dy, std::span<float* const> dx, float*,
                  LayerScratch&) const override {
    if (dx[0]) for_each([&](int64_t from, int64_t to) { dx[0][from] += factor_ * dy[to]; });
    return {};
  }

 private:
  template <class F>
  void for_each(F&& f) const {
    int64_t i = 0;
    for (int64_t n = 0; n < x_.n; ++n) {
      for (int64_t h = 0; h < x_.h; ++h) {
        for (int64_t w = 0; w < x_.w; ++w) {
          const int64_t pixel = (n * y_.h + (y_.h == 1 ? 0 : h)) * y_.w + (y_.w == 1 ? 0 : w);
          for (int64_t c = 0; c < x_.c; ++c) f(i++, pixel * y_.c + (y_.c == 1 ? 0 : c));
        }
      }
    }
  }

  Extent x_, y_;
  float factor_ = 1.0f;
};

LayerPtr make_sum(const Reduce& op, const LayerSource& source, std::string& reason) {
  if (op.kind != ReduceKind::mean && op.kind != ReduceKind::sum) {
    reason = "neither a mean nor a sum";
    return nullptr;
  }
  std::array<int64_t, 4> expected = source.x[0].sizes();
  const size_t rank = source.graph.desc(source.node.inputs[0]).shape.size();
  for (const int64_t axis : op.axes) {
    if (axis == 0) {
      reason = "over the samples";
      return nullptr;
    }
    expected[memory_axis(rank, static_cast<size_t>(axis))] = 1;
  }
  if (expected != source.y.sizes()) {
    reason = "its axes move";
    return nullptr;
  }
  return std::make_unique<AxisSum>(source.x[0], source.y, op.kind == ReduceKind::mean);
}

}  // namespace

LayerPtr make_window(const LayerSource& source, std::string& reason) {
  if (const auto* pool = op_if<Pool2d>(source.node)) return std::make_unique<Pool>(*pool, source.x[0], source.y);
  return make_sum(*op_if<Reduce>(source.node), source, reason);
}

}  // namespace nibble::recover
