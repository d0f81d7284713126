// Transformer blocks: tokens [N, T, D].
#include <algorithm>
#include <cmath>

#include "converter/shapes/blocks.h"
#include "core/text.h"

namespace nibble::shapes {
namespace {

constexpr double kBranchGain = 0.25;  // as in blocks.cpp
constexpr int64_t kMostBlocks = 256;

TensorId ones(NetworkBuilder& net, int64_t count) {
  return net.constant({count}, std::vector<float>(static_cast<size_t>(std::max<int64_t>(count, 0)), 1.0f));
}

TensorId layer_norm(NetworkBuilder& net, TensorId x) {
  const int64_t width = net.width(x);
  const TensorId zeros = net.constant({width}, std::vector<float>(static_cast<size_t>(width), 0.0f));
  return net.emit(LayerNorm{}, {x, ones(net, width), zeros});
}

TensorId rms_norm(NetworkBuilder& net, TensorId x) {
  return net.emit(LayerNorm{.rms = true}, {x, ones(net, net.width(x))});
}

// Heads of `size` channels each: [N, T, D] as [N, D / size, T, size].
TensorId split_heads(NetworkBuilder& net, TensorId x, int64_t size) {
  x = net.reshape(x, {net.size(x, 0), net.size(x, 1), net.width(x) / size, size});
  return net.transpose(x, {0, 2, 1, 3});
}

TensorId join_heads(NetworkBuilder& net, TensorId x) {
  const int64_t width = net.size(x, 1) * net.size(x, 3);
  x = net.transpose(x, {0, 2, 1, 3});
  return net.reshape(x, {net.size(x, 0), net.size(x, 1), width});
}

// softmax(q k^T / sqrt(size) + mask) v
TensorId attend(NetworkBuilder& net, TensorId q, TensorId k, TensorId v, TensorId mask) {
  TensorId scores = net.emit(MatMul{.transpose_b = true}, {q, k});
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(net.width(q), 1))));
  scores = net.emit(Unary{UnaryKind::affine, scale, 0.0f}, {scores});
  if (mask != kNoTensor) scores = net.add(scores, mask);
  return net.emit(MatMul{}, {net.emit(Softmax{-1, false}, {scores}), v});
}

bool heads_fit(NetworkBuilder& net, TensorId x, int64_t size) {
  if (!net.status()) return false;
  if (net.rank(x) == 3 && size > 0 && size % 2 == 0 && net.width(x) % size == 0) return true;
  net.fail(format("heads of %lld channels, expected an even divisor of the width %lld of tokens [N, T, width]",
                  static_cast<long long>(size), static_cast<long long>(net.width(x))));
  return false;
}

// Angles of rotary embeddings (Su et al., 2021): sine or cosine of position / 10000^(2i / size), [tokens, size].
TensorId rotations(NetworkBuilder& net, int64_t tokens, int64_t past, int64_t size, double (*function)(double)) {
  std::vector<float> values;
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < size; ++i) {
      const double step = std::pow(10000.0, -2.0 * static_cast<double>(i % (size / 2)) / static_cast<double>(size));
      values.push_back(static_cast<float>(function(static_cast<double>(past + t) * step)));
    }
  }
  return net.constant({tokens, size}, std::move(values));
}

double cosine(double x) { return std::cos(x); }
double sine(double x) { return std::sin(x); }

TensorId rotated(NetworkBuilder& net, TensorId x, TensorId cosines, TensorId sines) {
  const int64_t half = net.width(x) / 2;
  const TensorId low = net.slice(x, 3, 0, half), high = net.slice(x, 3, half, half);
  const TensorId turned = net.concat({net.emit(Unary{.kind = UnaryKind::neg}, {high}), low}, 3);
  return net.add(net.multiply(x, cosines), net.multiply(turned, sines));
}

// No token sees those behind it.
TensorId causal_mask(NetworkBuilder& net, int64_t tokens, int64_t past) {
  std::vector<float> values;
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < past + tokens; ++i) values.push_back(i <= past + t ? 0.0f : -1e4f);
  }
  return net.constant({tokens, past + tokens}, std::move(values));
}

}  // namespace

TensorId build_norm(NetworkBuilder& net, const Block& b) { return layer_norm(net, b.x()); }

// Adds a vector to each token; `class` puts one more token in front.
TensorId build_positions(NetworkBuilder& net, const Block& b) {
  if (!net.status()) return kNoTensor;
  if (net.rank(b.x()) != 3) return net.fail("expected tokens"), kNoTensor;
  const int64_t n = net.size(b.x(), 0), width = net.width(b.x());
  TensorId x = b.x();
  if (b.row.has("class")) x = net.concat({net.random({n, 1, width}, 1.0), x}, 1);
  return net.add(x, net.random({net.size(x, 1), width}, 0.2));
}

// Norm, attention, norm, two layers with GELU: an encoder block (Dosovitskiy et al., 2021). Heads of `a` channels,
// `f` hidden channels (default: four times the width).
TensorId build_transformer(NetworkBuilder& net, const Block& b) {
  const int64_t size = b.number('a', 64);
  TensorId x = b.x();
  if (!heads_fit(net, x, size)) return kNoTensor;
  const int64_t n = net.size(x, 0), tokens = net.size(x, 1), width = net.width(x), heads = width / size;
  for (int64_t i = 0; i < std::min(b.number('n', 1), kMostBlocks) && net.status(); ++i) {
    TensorId joint = net.linear(layer_norm(net, x), 3 * width, "");
    joint = net.transpose(net.reshape(joint, {n, tokens, 3, heads, size}), {2, 0, 3, 1, 4});
    TensorId parts[3];
    for (int64_t p = 0; p < 3; ++p) parts[p] = net.reshape(net.slice(joint, 0, p, 1), {n, heads, tokens, size});
    const TensorId y = join_heads(net, attend(net, parts[0], parts[1], parts[2], kNoTensor));
    x = net.add(x, net.linear(y, width, "", true, kBranchGain));
    TensorId hidden = net.linear(layer_norm(net, x), b.row.numbers.contains('f') ? b.channels('f') : 4 * width, "gelu");
    x = net.add(x, net.linear(hidden, width, "", true, kBranchGain));
  }
  return x;
}

// A decoder block (Touvron et al., 2023) with keys and values of `p` earlier tokens as inputs, those of the new ones as
// outputs. Heads of `a` channels, `f` hidden channels.
TensorId build_llama(NetworkBuilder& net, const Block& b) {
  const int64_t size = b.number('a', 128), past = b.number('p', 0);
  TensorId x = b.x();
  if (!heads_fit(net, x, size)) return kNoTensor;
  const int64_t n = net.size(x, 0), tokens = net.size(x, 1), width = net.width(x), heads = width / size;
  const TensorId cosines = rotations(net, tokens, past, size, cosine), sines = rotations(net, tokens, past, size, sine);
  const TensorId mask = tokens > 1 ? causal_mask(net, tokens, past) : kNoTensor;
  std::vector<TensorId> made;
  for (int64_t i = 0; i < std::min(b.number('n', 1), kMostBlocks) && net.status(); ++i) {
    const TensorId normal = rms_norm(net, x);
    const TensorId q = rotated(net, split_heads(net, net.linear(normal, width, "", false), size), cosines, sines);
    TensorId k = rotated(net, split_heads(net, net.linear(normal, width, "", false), size), cosines, sines);
    TensorId v = split_heads(net, net.linear(normal, width, "", false), size);
    made.insert(made.end(), {k, v});
    if (past > 0) {
      const auto kept = [&](const char* what) {
        return net.input(format("past_%s%lld", what, static_cast<long long>(i)), {n, heads, past, size});
      };
      k = net.concat({kept("keys"), k}, 2);
      v = net.concat({kept("values"), v}, 2);
    }
    const TensorId y = join_heads(net, attend(net, q, k, v, mask));
    x = net.add(x, net.linear(y, width, "", false, kBranchGain));
    const TensorId normal2 = rms_norm(net, x);
    const int64_t hidden = b.channels('f');
    const TensorId gated =
        net.multiply(net.linear(normal2, hidden, "silu", false), net.linear(normal2, hidden, "", false));
    x = net.add(x, net.linear(gated, width, "", false, kBranchGain));
  }
  net.output(x);
  for (TensorId id : made) net.output(id);
  return x;
}

}  // namespace nibble::shapes
