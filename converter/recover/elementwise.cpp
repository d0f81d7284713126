// Functions of single elements: activations, Unary, and sums and products of two tensors.
#include "reference/elementwise.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/recover/layer.h"
#include "core/text.h"
#include "ops/op.h"

namespace nibble::recover {
namespace {

// How a function's slope is found: from its result alone, or from its argument too.
enum class Slope { of_result, of_argument, none };

Slope slope_of(UnaryKind kind, float a) {
  switch (kind) {
    case UnaryKind::identity:
    case UnaryKind::relu:
    case UnaryKind::clip:
    case UnaryKind::sigmoid:
    case UnaryKind::tanh:
    case UnaryKind::hard_sigmoid:
    case UnaryKind::exp:
    case UnaryKind::neg:
    case UnaryKind::affine: return Slope::of_result;
    case UnaryKind::leaky_relu: return a > 0.0f ? Slope::of_result : Slope::of_argument;
    case UnaryKind::silu:
    case UnaryKind::hard_swish:
    case UnaryKind::gelu:
    case UnaryKind::abs: return Slope::of_argument;
    default: return Slope::none;
  }
}

// Derivative at x, where the function is y. At a corner one of the two slopes.
float slope(UnaryKind kind, float a, float b, float x, float y) {
  switch (kind) {
    case UnaryKind::relu: return y > 0.0f ? 1.0f : 0.0f;
    case UnaryKind::clip: return y > a && y < b ? 1.0f : 0.0f;
    case UnaryKind::sigmoid: return y * (1.0f - y);
    case UnaryKind::tanh: return 1.0f - y * y;
    case UnaryKind::hard_sigmoid: return y > 0.0f && y < 1.0f ? a : 0.0f;
    case UnaryKind::exp: return y;
    case UnaryKind::neg: return -1.0f;
    case UnaryKind::affine: return a;
    case UnaryKind::leaky_relu: return x < 0.0f ? a : 1.0f;  // y has the sign of x where only y is known
    case UnaryKind::silu: {
      const float s = 1.0f / (1.0f + std::exp(-x));
      return s * (1.0f + x * (1.0f - s));
    }
    case UnaryKind::hard_swish: return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f;
    case UnaryKind::gelu: {
      const float density = 0.3989422804f * std::exp(-0.5f * x * x);
      return 0.5f * (1.0f + std::erf(x * 0.7071067812f)) + x * density;
    }
    case UnaryKind::abs: return x < 0.0f ? -1.0f : 1.0f;
    default: return 1.0f;
  }
}

class Function : public Layer {
 public:
  Function(UnaryKind kind, float a, float b, int64_t count) : kind_(kind), a_(a), b_(b), count_(count) {}

  Status forward(std::span<const float* const> x, float* y, LayerScratch&) const override {
    reference::apply_unary<float>(kind_, a_, b_, x[0], y, static_cast<size_t>(count_));
    return {};
  }

  Status backward(std::span<const float* const> x, const float* y, float* dy, std::span<float* const> dx, float*,
                  LayerScratch&) const override {
    if (!dx[0]) return {};
    const bool replace = dx[0] == dy;
    if (kind_ == UnaryKind::relu && replace) {  // by far the most frequent
      for (int64_t i = 0; i < count_; ++i) dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
      return {};
    }
    for (int64_t i = 0; i < count_; ++i) {
      const float d = dy[i] * slope(kind_, a_, b_, x[0][i], y[i]);
      dx[0][i] = replace ? d : dx[0][i] + d;
    }
    return {};
  }

 private:
  UnaryKind kind_;
  float a_, b_;
  int64_t count_;
};

// Calls f(i of y, i of x, i of z) for all elements of y; x and z are repeated along axes where they have one entry.
template <class F>
void for_each_pair(const Extent& y, const Extent& x, const Extent& z, F&& f) {
  const auto strides = [&](const Extent& e) {
    std::array<int64_t, 4> out{e.h * e.w * e.c, e.w * e.c, e.c, 1};
    for (size_t i = 0; i < 4; ++i) out[i] = e.sizes()[i] == 1 ? 0 : out[i];
    return out;
  };
  const auto sx = strides(x), sz = strides(z);
  int64_t i = 0;
  for (int64_t n = 0; n < y.n; ++n) {
    for (int64_t h = 0; h < y.h; ++h) {
      for (int64_t w = 0; w < y.w; ++w) {
        const int64_t at_x = n * sx[0] + h * sx[1] + w * sx[2], at_z = n * sz[0] + h * sz[1] + w * sz[2];
        for (int64_t c = 0; c < y.c; ++c, ++i) f(i, at_x + c * sx[3], at_z + c * sz[3]);
      }
    }
  }
}

class Pairs : public Layer {
 public:
  Pairs(BinaryKind kind, const LayerSource& s) : kind_(kind), x_(s.x[0]), z_(s.x[1]), y_(s.y) {
    same_ = x_.sizes() == y_.sizes() && z_.sizes() == y_.sizes();
  }

  Status forward(std::span<const float* const> in, float* y, LayerScratch&) const override {
    const float *x = in[0], *z = in[1];
    if (same_ && kind_ == BinaryKind::add) {
      for (int64_t i = 0; i < y_.elements(); ++i) y[i] = x[i] + z[i];
      return {};
    }
    for_each_pair(y_, x_, z_, [&](int64_t i, int64_t j, int64_t k) {
      y[i] = kind_ == BinaryKind::mul ? x[j] * z[k] : kind_ == BinaryKind::sub ? x[j] - z[k] : x[j] + z[k];
    });
    return {};
  }

  Status backward(std::span<const float* const> in, const float*, float* dy, std::span<float* const> dx, float*,
                  LayerScratch&) const override {
    if (same_ && kind_ == BinaryKind::add) {
      for (float* d : dx) {
        for (int64_t i = 0; d && i < y_.elements(); ++i) d[i] += dy[i];
      }
      return {};
    }
    const float *x = in[0], *z = in[1];
    for_each_pair(y_, x_, z_, [&](int64_t i, int64_t j, int64_t k) {
      if (dx[0]) dx[0][j] += kind_ == BinaryKind::mul ? dy[i] * z[k] : dy[i];
      if (dx[1]) dx[1][k] += kind_ == BinaryKind::mul ? dy[i] * x[j] : kind_ == BinaryKind::sub ? -dy[i] : dy[i];
    });
    return {};
  }

 private:
  BinaryKind kind_;
  Extent x_, z_, y_;
  bool same_ = false;
};

std::optional<Activation> fused_activation(const Node& node) {
  if (const auto* conv = op_if<Conv2d>(node)) return conv->activation;
  if (const auto* linear = op_if<Linear>(node)) return linear->activation;
  if (const auto* binary = op_if<Binary>(node)) return binary->activation;
  return std::nullopt;
}

}  // namespace

Result<LayerActivation> make_activation(const Node& node, const Extent& y, std::string& reason) {
  reason.clear();
  LayerActivation out;
  const std::optional<Activation> activation = fused_activation(node);
  if (!activation || activation->kind == UnaryKind::identity) return out;
  const Slope slope = slope_of(activation->kind, activation->a);
  if (slope == Slope::none) {
    reason = format("'%s': the activation %s has no gradient here", node.name.c_str(), to_string(activation->kind));
    return out;
  }
  out.layer = std::make_unique<Function>(activation->kind, activation->a, activation->b, y.elements());
  out.in_place = slope == Slope::of_result;
  return out;
}

LayerPtr make_unary(const LayerSource& source, std::string& reason) {
  const auto& op = *op_if<Unary>(source.node);
  if (slope_of(op.kind, op.a) == Slope::none) {
    reason = to_string(op.kind);
    return nullptr;
  }
  return std::make_unique<Function>(op.kind, op.a, op.b, source.y.elements());
}

LayerPtr make_binary(const LayerSource& source, std::string& reason) {
  const BinaryKind kind = op_if<Binary>(source.node)->kind;
  if (kind != BinaryKind::add && kind != BinaryKind::sub && kind != BinaryKind::mul) {
    reason = to_string(kind);
    return nullptr;
  }
  return std::make_unique<Pairs>(kind, source);
}

}  // namespace nibble::recover
