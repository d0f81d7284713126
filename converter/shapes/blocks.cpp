#include "converter/shapes/blocks.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace nibble::shapes {
namespace {

constexpr int64_t kMostRepeats = 4096;

int64_t rounded(double channels) { return std::max<int64_t>(8, std::llround(channels / 8) * 8); }

// Repeats `build` n times on its own result; the stride belongs to the first only.
template <class F>
TensorId repeat(NetworkBuilder& net, const Block& block, F&& build) {
  const int64_t n = block.number('n', 1);
  if (n < 1 || n > kMostRepeats) {
    net.fail(
        format("%lld repeats, expected 1 to %lld", static_cast<long long>(n), static_cast<long long>(kMostRepeats)));
    return kNoTensor;
  }
  TensorId x = block.x();
  for (int64_t i = 0; i < n && net.status(); ++i) x = build(x, i == 0 ? block.number('s', 1) : 1);
  return x;
}

TensorId build_conv(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    return net.conv(x, {.channels = b.channels('c'),
                        .kernel = b.number('k', 1),
                        .stride = stride,
                        .pad = b.number('p', -1),
                        .groups = b.number('g', 1),
                        .activation = b.activation()});
  });
}

TensorId build_depthwise(NetworkBuilder& net, const Block& b) {
  return repeat(net, b,
                [&](TensorId x, int64_t stride) { return net.depthwise(x, b.number('k', 3), stride, b.activation()); });
}

// Depthwise, then 1x1, both with the activation (MobileNetV1).
TensorId separable(NetworkBuilder& net, TensorId x, int64_t channels, int64_t kernel, int64_t stride,
                   const std::string& activation) {
  x = net.depthwise(x, kernel, stride, activation);
  return net.conv(x, {.channels = channels, .activation = activation});
}

TensorId build_separable(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    return separable(net, x, b.channels('c'), b.number('k', 3), stride, b.activation());
  });
}

TensorId pool(NetworkBuilder& net, TensorId x, PoolKind kind, int64_t kernel, int64_t stride, int64_t pad, bool ceil) {
  Pool2d op{.kind = kind};
  op.kernel_h = op.kernel_w = static_cast<int32_t>(kernel);
  op.stride_h = op.stride_w = static_cast<int32_t>(stride);
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = static_cast<int32_t>(pad);
  op.ceil_mode = ceil;
  return net.emit(op, {x});
}

TensorId build_pool(NetworkBuilder& net, const Block& b) {
  const PoolKind kind = b.row.kind == "max" ? PoolKind::max : PoolKind::average;
  return pool(net, b.x(), kind, b.number('k', 2), b.number('s', 2), b.number('p', 0), b.row.has("ceil"));
}

// Global average pooling to [N, C].
TensorId build_mean(NetworkBuilder& net, const Block& b) {
  if (net.rank(b.x()) == 3) return net.emit(Reduce{ReduceKind::mean, {1}, false, {}}, {b.x()});
  return net.emit(Reduce{ReduceKind::mean, {2, 3}, false, {}}, {b.x()});
}

TensorId build_linear(NetworkBuilder& net, const Block& b) {
  const int64_t channels = b.channels('c');
  TensorId shared = kNoTensor;
  return repeat(net, b, [&](TensorId x, int64_t) {
    if (b.row.has("shared")) {
      if (shared == kNoTensor) shared = net.weights(channels, net.width(x), 0, b.activation().empty() ? 1.0 : 2.0);
      if (net.status() && net.width(x) != channels && b.number('n', 1) > 1)
        net.fail(format("shared weights need as many inputs as channels (%lld), not %lld",
                        static_cast<long long>(channels), static_cast<long long>(net.width(x))));
    }
    return net.linear(x, channels, b.activation(), !b.row.has("unbiased"), 1.0, shared);
  });
}

// Squeeze to c channels, expand to e by 1x1 and e by 3x3 (SqueezeNet).
TensorId build_fire(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t) {
    x = net.conv(x, {.channels = b.channels('c'), .activation = "relu"});
    const TensorId one = net.conv(x, {.channels = b.channels('e'), .activation = "relu"});
    const TensorId three = net.conv(x, {.channels = b.channels('e'), .kernel = 3, .activation = "relu"});
    return net.concat({one, three});
  });
}

// ReLU of the block's result plus its input, which a 1x1 convolution fits where the shape changes (ResNet).
TensorId with_shortcut(NetworkBuilder& net, TensorId x, TensorId y, int64_t stride) {
  TensorId shortcut = x;
  if (stride != 1 || net.channels(x) != net.channels(y))
    shortcut = net.conv(x, {.channels = net.channels(y), .stride = stride});
  return net.activate(net.add(y, shortcut), "relu");
}

constexpr double kBranchGain = 0.25;  // so that sums along the residual path do not grow with depth

TensorId build_basic(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    const int64_t channels = b.channels('c');
    TensorId y = net.conv(x, {.channels = channels, .kernel = 3, .stride = stride, .activation = "relu"});
    y = net.conv(y, {.channels = channels, .kernel = 3, .gain = kBranchGain});
    return with_shortcut(net, x, y, stride);
  });
}

// 1x1 to c, 3x3 with the stride, 1x1 to 4c.
TensorId build_bottleneck(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    const int64_t channels = b.channels('c');
    TensorId y = net.conv(x, {.channels = channels, .activation = "relu"});
    y = net.conv(y, {.channels = channels, .kernel = 3, .stride = stride, .activation = "relu"});
    y = net.conv(y, {.channels = 4 * channels, .gain = kBranchGain});
    return with_shortcut(net, x, y, stride);
  });
}

// Channels weighted by what two small layers make of their means (squeeze and excitation, Hu et al., 2018).
TensorId excited(NetworkBuilder& net, TensorId x) {
  TensorId s = net.emit(Reduce{ReduceKind::mean, {2, 3}, true, {}}, {x});
  s = net.conv(s, {.channels = rounded(static_cast<double>(net.channels(x)) / 4), .activation = "relu"});
  s = net.conv(s, {.channels = net.channels(x), .activation = "hsigmoid"});
  return net.multiply(x, s);
}

// 1x1 to e channels (or t times as many), depthwise, 1x1 to c; added to its input where the shape stays (MobileNetV2).
TensorId build_inverted(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    const int64_t inputs = net.channels(x), channels = b.channels('c');
    const int64_t expanded = b.row.numbers.contains('e') ? b.channels('e') : b.number('t', 1) * inputs;
    TensorId y = expanded == inputs ? x : net.conv(x, {.channels = expanded, .activation = b.activation()});
    y = net.depthwise(y, b.number('k', 3), stride, b.activation());
    if (b.row.has("se")) y = excited(net, y);
    const bool added = stride == 1 && inputs == channels;
    y = net.conv(y, {.channels = channels, .gain = added ? kBranchGain : 1.0});
    return added ? net.add(y, x) : y;
  });
}

TensorId shuffled(NetworkBuilder& net, TensorId x) {
  const int64_t n = net.size(x, 0), half = net.channels(x) / 2, h = net.size(x, 2), w = net.size(x, 3);
  x = net.transpose(net.reshape(x, {n, 2, half, h, w}), {0, 2, 1, 3, 4});
  return net.reshape(x, {n, 2 * half, h, w});
}

// Half of the channels pass by, or a second branch halves the image as well (ShuffleNetV2).
TensorId build_shuffle(NetworkBuilder& net, const Block& b) {
  return repeat(net, b, [&](TensorId x, int64_t stride) {
    const int64_t half = b.channels('c') / 2;
    const std::string act = b.activation();
    TensorId left = x, right = x;
    if (stride == 1) {
      left = net.slice(x, 1, 0, half);
      right = net.slice(x, 1, half, half);
    } else {
      left = net.conv(net.depthwise(x, 3, stride, ""), {.channels = half, .activation = act});
    }
    right = net.conv(right, {.channels = half, .activation = act});
    right = net.conv(net.depthwise(right, 3, stride, ""), {.channels = half, .activation = act});
    return shuffled(net, net.concat({left, right}));
  });
}

// Cross-stage partial block: one half of the channels passes n bottlenecks, added to their inputs unless `plain`.
TensorId build_csp(NetworkBuilder& net, const Block& b) {
  const int64_t channels = b.channels('c'), half = channels / 2;
  const std::string act = b.activation();
  TensorId x = net.conv(b.x(), {.channels = half, .activation = act});
  const TensorId beside = net.conv(b.x(), {.channels = half, .activation = act});
  for (int64_t i = 0; i < std::min(b.number('n', 1), kMostRepeats); ++i) {
    TensorId y = net.conv(x, {.channels = half, .activation = act});
    y = separable(net, y, half, 3, 1, act);
    x = b.row.has("plain") ? y : net.add(y, x);
  }
  return net.conv(net.concat({x, beside}), {.channels = channels, .activation = act});
}

// Max pools of 5, 9 and 13 beside each other, between two 1x1 convolutions (spatial pyramid pooling).
TensorId build_pyramid(NetworkBuilder& net, const Block& b) {
  TensorId x = net.conv(b.x(), {.channels = net.channels(b.x()) / 2, .activation = b.activation()});
  std::vector<TensorId> parts{x};
  for (int64_t kernel : {5, 9, 13}) parts.push_back(pool(net, x, PoolKind::max, kernel, 1, kernel / 2, false));
  return net.conv(net.concat(parts), {.channels = b.channels('c'), .activation = b.activation()});
}

// Each 2x2 pixels become channels.
TensorId build_focus(NetworkBuilder& net, const Block& b) {
  std::vector<TensorId> parts;
  for (int64_t left : {0, 1}) {
    for (int64_t top : {0, 1}) {
      const TensorId rows = net.slice(b.x(), 2, top, net.size(b.x(), 2) / 2, 2);
      parts.push_back(net.slice(rows, 3, left, net.size(b.x(), 3) / 2, 2));
    }
  }
  return net.concat(parts);
}

TensorId build_add(NetworkBuilder& net, const Block& b) {
  TensorId sum = b.x();
  for (size_t i = 1; i < b.inputs.size(); ++i) sum = net.add(sum, b.inputs[i]);
  return sum;
}

TensorId build_concat(NetworkBuilder& net, const Block& b) { return net.concat(b.inputs); }

// The first input at height and width of the second.
TensorId build_resize(NetworkBuilder& net, const Block& b) {
  Resize op{.mode = b.row.has("nearest") ? ResizeMode::nearest : ResizeMode::linear};
  op.sizes = {net.size(b.inputs[1], 2), net.size(b.inputs[1], 3)};
  return net.emit(op, {b.x()});
}

TensorId build_part(NetworkBuilder& net, const Block& b) {
  return net.slice(b.x(), 1, b.number('o', 0), b.number('c', 1));
}

// [N, C, H, W] as [N, H * W, C].
TensorId build_tokens(NetworkBuilder& net, const Block& b) {
  const int64_t area = net.size(b.x(), 2) * net.size(b.x(), 3);
  return net.transpose(net.reshape(b.x(), {net.size(b.x(), 0), net.channels(b.x()), area}), {0, 2, 1});
}

TensorId build_first(NetworkBuilder& net, const Block& b) {
  return net.reshape(net.slice(b.x(), 1, 0, 1), {net.size(b.x(), 0), net.width(b.x())});
}

TensorId build_activation(NetworkBuilder& net, const Block& b) { return net.activate(b.x(), b.row.kind); }

TensorId build_output(NetworkBuilder& net, const Block& b) {
  net.output(b.x());
  return b.x();
}

}  // namespace

int64_t Block::channels(char letter) const {
  const int64_t stated = number(letter, 0);
  if (row.has("fixed") || channel_factor == 1.0) return stated;
  return rounded(static_cast<double>(stated) * channel_factor);
}

std::string Block::activation() const {
  for (const std::string& word : row.words) {
    if (NetworkBuilder::is_activation(word)) return word;
  }
  return "";
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      // name          numbers   needed  words                     inputs
      {"conv", "ckspgn", "c", "activation fixed", 1, 1, build_conv},
      {"depthwise", "ksn", "", "activation", 1, 1, build_depthwise},
      {"separable", "cksn", "c", "activation fixed", 1, 1, build_separable},
      {"max", "ksp", "", "ceil", 1, 1, build_pool},
      {"average", "ksp", "", "ceil", 1, 1, build_pool},
      {"mean", "", "", "", 1, 1, build_mean},
      {"linear", "cn", "c", "activation fixed shared unbiased", 1, 1, build_linear},
      {"fire", "cen", "ce", "fixed", 1, 1, build_fire},
      {"basic", "csn", "c", "fixed", 1, 1, build_basic},
      {"bottleneck", "csn", "c", "fixed", 1, 1, build_bottleneck},
      {"inverted", "cetksn", "c", "activation se fixed", 1, 1, build_inverted},
      {"shuffle", "csn", "c", "activation fixed", 1, 1, build_shuffle},
      {"csp", "cn", "c", "activation plain fixed", 1, 1, build_csp},
      {"pyramid", "c", "c", "activation fixed", 1, 1, build_pyramid},
      {"focus", "", "", "", 1, 1, build_focus},
      {"add", "", "", "", 2, 16, build_add},
      {"concat", "", "", "", 2, 16, build_concat},
      {"resize", "", "", "nearest", 2, 2, build_resize},
      {"part", "oc", "c", "", 1, 1, build_part},
      {"tokens", "", "", "", 1, 1, build_tokens},
      {"positions", "", "", "class", 1, 1, build_positions},
      {"transformer", "ahfn", "a", "", 1, 1, build_transformer},
      {"llama", "afpn", "af", "", 1, 1, build_llama},
      {"norm", "", "", "", 1, 1, build_norm},
      {"first", "", "", "", 1, 1, build_first},
      {"relu", "", "", "", 1, 1, build_activation},
      {"silu", "", "", "", 1, 1, build_activation},
      {"sigmoid", "", "", "", 1, 1, build_activation},
      {"output", "", "", "", 1, 1, build_output},
  };
  return table;
}

}  // namespace nibble::shapes
