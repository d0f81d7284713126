#include "random_network.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/half.h"
#include "core/requantize.h"
#include "format/packing.h"
#include "networks.h"
#include "ops/op.h"

namespace nibble::test {
namespace {

constexpr int64_t kHeight = 7, kWidth = 9;

class Builder {
 public:
  Builder(DType type, uint32_t seed) : type_(type), state_(seed * 2654435761u + 1) {}

  Graph build(int64_t batch, int parts) {
    TensorDesc x = declared();
    x.name = "x";
    x.shape = {batch, 6, kHeight, kWidth};
    const TensorId input = graph_.add_tensor(std::move(x));
    graph_.inputs.push_back(input);
    tensors_ = {input};
    for (int i = 0; i < parts; ++i) add_something();
    graph_.outputs = {tensors_.back()};
    for (const TensorId id : tensors_) {
      if (below(6) == 0 && id != tensors_.back()) graph_.outputs.push_back(id);
    }
    return std::move(graph_);
  }

 private:
  uint32_t below(uint32_t n) {
    state_ = state_ * 1664525u + 1013904223u;
    return (state_ >> 8) % n;
  }
  // Mostly the newest, so that chains come about.
  TensorId any() { return below(3) ? tensors_.back() : tensors_[below(static_cast<uint32_t>(tensors_.size()))]; }
  int64_t channels(TensorId id) const { return graph_.desc(id).shape[1].value(); }
  bool integer() const { return type_ == DType::i8; }

  TensorDesc declared() const {
    TensorDesc desc;
    desc.type = type_;
    if (integer()) desc.quant = Quant::tensor(0.1f, 3);
    return desc;
  }

  TensorId constant(DType type, Shape shape, std::vector<std::byte> bytes) {
    TensorDesc desc;
    desc.name = "constant" + std::to_string(graph_.tensors.size());
    desc.type = type;
    desc.shape = std::move(shape);
    return graph_.add_constant(std::move(desc), ConstantData::own(std::move(bytes)));
  }
  template <class T>
  TensorId array(DType type, const std::vector<T>& values) {
    const ConstantData data = ConstantData::of(values);
    return constant(type, {static_cast<int64_t>(values.size())}, {data.bytes.begin(), data.bytes.end()});
  }

  void add(Op op, std::vector<TensorId> inputs) {
    const std::string name = "n" + std::to_string(graph_.nodes.size());
    auto node = graph_.add_node(name, std::move(op), std::move(inputs),
                                integer() ? std::vector<TensorDesc>{declared()} : std::vector<TensorDesc>{});
    ASSERT_TRUE(node) << node.error().message;
    tensors_.push_back(graph_.nodes.back().outputs[0]);
  }

  std::vector<TensorId> weighted_inputs(TensorId x, Shape shape, Packing packing, int64_t out) {
    TensorDesc w;
    w.name = "weights" + std::to_string(graph_.tensors.size());
    w.type = integer() ? DType::i8 : DType::f32;
    w.shape = std::move(shape);
    w.packing = packing;
    if (integer()) w.quant = Quant::channel(0, std::vector<float>(static_cast<size_t>(w.shape[0].value()), 0.01f));
    const std::vector<float> values = some_values(static_cast<size_t>(elements(w.shape).value()), state_);
    std::vector<std::byte> plain;
    for (float value : values) {
      const auto number = static_cast<int8_t>(value * 127);
      const auto* first =
          integer() ? reinterpret_cast<const std::byte*>(&number) : reinterpret_cast<const std::byte*>(&value);
      plain.insert(plain.end(), first, first + (integer() ? 1 : 4));
    }
    auto packed = pack_weights(w, plain);
    EXPECT_TRUE(packed) << packed.error().message;
    std::vector<TensorId> inputs{x, graph_.add_constant(w, ConstantData::own(std::move(*packed)))};
    const std::vector<float> bias = some_values(static_cast<size_t>(out), state_ + 1);
    if (!integer()) {
      inputs.push_back(array(DType::f32, bias));
      return inputs;
    }
    std::vector<int32_t> integers, multipliers;
    for (float value : bias) {
      integers.push_back(static_cast<int32_t>(value * 4000));
      multipliers.push_back((1 << 30) + static_cast<int32_t>(below(1u << 30)));
    }
    inputs.push_back(array(DType::i32, integers));
    inputs.push_back(array(DType::i32, multipliers));
    inputs.push_back(array(DType::u8, std::vector<uint8_t>(bias.size(), 38)));
    return inputs;
  }

  Activation activation() {
    if (integer()) return {};
    constexpr UnaryKind kKinds[] = {UnaryKind::identity, UnaryKind::relu, UnaryKind::clip, UnaryKind::silu};
    return {kKinds[below(4)], -0.5f, 0.75f};
  }
  ClampRange clamp() { return below(3) == 0 ? ClampRange{3, 90} : ClampRange{-127, 127}; }

  void add_convolution() {
    const TensorId x = any();
    const int64_t in = channels(x);
    constexpr int64_t kOutputs[] = {6, 6, 8, 9};
    const int64_t out = kOutputs[below(4)];
    const uint32_t kind = below(5);
    Conv2d op;
    op.activation = activation();
    op.clamp = clamp();
    if (kind == 0) {
      op.groups = static_cast<int32_t>(in);
      op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
      add(op, weighted_inputs(x, {in, 1, 3, 3}, Packing::depthwise, in));
    } else if (kind == 1) {
      ConvTranspose2d transposed;
      transposed.activation = op.activation;
      transposed.clamp = op.clamp;
      transposed.pad_top = transposed.pad_left = transposed.pad_bottom = transposed.pad_right = 1;
      add(transposed, weighted_inputs(x, {out, in, 3, 3}, Packing::blocked, out));
    } else if (kind == 2 && in % 2 == 0) {
      op.groups = 2;
      add(op, weighted_inputs(x, {8, in / 2, 1, 1}, Packing::blocked, 8));
    } else if (kind == 3) {
      op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
      add(op, weighted_inputs(x, {out, in, 3, 3}, Packing::blocked, out));
    } else {
      add(op, weighted_inputs(x, {out, in, 1, 1}, Packing::blocked, out));
    }
  }

  void add_function(TensorId x) {
    if (!integer()) {
      add(Unary{.kind = UnaryKind::tanh}, {x});
    } else if (below(3) == 0) {
      const FixedMultiplier factor = fixed_multiplier(0.83);
      add(Convert{{-100, 120}, factor.multiplier, factor.shift}, {x});
    } else {
      std::vector<int8_t> table;
      for (float value : some_values(256, below(1000))) table.push_back(static_cast<int8_t>(value * 127));
      add(Unary{.kind = UnaryKind::silu}, {x, array(DType::i8, table)});
    }
  }

  void add_sum(TensorId x) {
    std::vector<TensorId> same;
    for (const TensorId id : tensors_) {
      if (channels(id) == channels(x)) same.push_back(id);
    }
    const TensorId y = same[below(static_cast<uint32_t>(same.size()))];
    Binary op;
    op.kind = below(4) == 0 ? BinaryKind::sub : BinaryKind::add;
    if (below(2)) op.activation = activation();
    op.clamp = clamp();
    op.multiplier_x = 700000 + static_cast<int32_t>(below(1u << 20));
    op.multiplier_y = 500000 + static_cast<int32_t>(below(1u << 20));
    op.shift = 20;
    add(op, below(2) ? std::vector<TensorId>{x, y} : std::vector<TensorId>{y, x});
  }

  void add_concat() {
    std::vector<TensorId> parts;
    for (uint32_t i = 0, count = 2 + below(2); i < count; ++i) {
      parts.push_back(
          tensors_[tensors_.size() - 1 - below(std::min<uint32_t>(4, static_cast<uint32_t>(tensors_.size())))]);
    }
    int64_t all = 0;
    for (const TensorId id : parts) all += channels(id);
    if (all <= 40) add(Concat{.axis = 1}, std::move(parts));
  }

  void add_something() {
    constexpr int kChoices = 10;
    const uint32_t choice = below(kChoices);
    if (choice == 0) return add_function(any());
    if (choice == 1) return add_sum(any());
    if (choice == 2) return add_concat();
    add_convolution();
    // What a plan may fuse behind it.
    while (integer() && below(2)) add_function(tensors_.back());
    if (below(2)) add_sum(tensors_.back());
  }

  DType type_;
  uint32_t state_;
  Graph graph_;
  std::vector<TensorId> tensors_;
};

}  // namespace

Graph random_network(DType type, int64_t batch, int parts, uint32_t seed) {
  Graph graph = Builder(type, seed).build(batch, parts);
  remove_dead(graph);
  return graph;
}

}  // namespace nibble::test
