// Small random networks and runs of them, for tests of pruning.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "converter/execute/executor.h"
#include "converter/prune/sample_inputs.h"
#include "ops/op.h"

namespace nibble::test {

class RandomNet {
 public:
  explicit RandomNet(uint32_t seed, int64_t channels = 3, int64_t size = 8) : random_(seed) {
    TensorDesc desc;
    desc.name = "x";
    desc.shape = {1, channels, size, size};
    graph.inputs = {graph.add_tensor(desc)};
  }

  Graph graph;

  int64_t pick(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(random_); }
  TensorId floats(Shape shape, double scale = 1.0) {
    std::normal_distribution<double> normal(0.0, scale);
    std::vector<float> values(static_cast<size_t>(elements(shape).value()));
    for (float& v : values) v = static_cast<float>(normal(random_));
    return graph.add_constant({"w" + std::to_string(graph.tensors.size()), DType::f32, std::move(shape), {}, {}},
                              ConstantData::of(values));
  }
  TensorId node(Op op, std::vector<TensorId> inputs) {
    const auto id = graph.add_node("n" + std::to_string(graph.nodes.size()), std::move(op), std::move(inputs));
    EXPECT_TRUE(id.has_value()) << (id ? "" : id.error().message);
    return graph.nodes.back().outputs[0];
  }
  int64_t channels(TensorId x) const { return graph.desc(x).shape[1].value(); }
  TensorId conv(TensorId x, int64_t outputs, int32_t kernel = 3, int32_t groups = 1, UnaryKind act = UnaryKind::relu) {
    Conv2d op;
    op.groups = groups;
    op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = kernel / 2;
    op.activation.kind = act;
    const int64_t inputs = channels(x) / groups;
    const double scale = 1.0 / std::sqrt(static_cast<double>(inputs * kernel * kernel));
    return node(op, {x, floats({outputs, inputs, kernel, kernel}, scale), floats({outputs}, 0.3)});
  }
  TensorId depthwise(TensorId x, int64_t times = 1) {
    return conv(x, channels(x) * times, 3, static_cast<int32_t>(channels(x)));
  }
  TensorId binary(BinaryKind kind, TensorId a, TensorId b) {
    Binary op;
    op.kind = kind;
    return node(op, {a, b});
  }
  TensorId unary(UnaryKind kind, TensorId x) {
    Unary op;
    op.kind = kind;
    return node(op, {x});
  }
  TensorId slice(TensorId x, int64_t first, int64_t count) {
    Slice op;
    op.sizes = graph.desc(x).shape;
    op.starts.assign(op.sizes.size(), Dim(0));
    op.steps.assign(op.sizes.size(), 1);
    op.starts[1] = first;
    op.sizes[1] = count;
    return node(op, {x});
  }
  TensorId pad_channels(TensorId x, int64_t begin, int64_t end) {
    Pad op;
    op.begins = {0, begin, 0, 0};
    op.ends = {0, end, 0, 0};
    return node(op, {x});
  }
  TensorId mean(TensorId x) {
    Reduce op;
    op.axes = {2, 3};
    return node(op, {x});
  }
  TensorId squeeze_excite(TensorId x) {
    const TensorId gate = conv(conv(mean(x), 4, 1), channels(x), 1, 1, UnaryKind::sigmoid);
    return binary(BinaryKind::mul, x, gate);
  }
  TensorId linear(TensorId x, int64_t outputs) {
    const int64_t inputs = graph.desc(x).shape.back().value();
    return node(Linear{},
                {x, floats({outputs, inputs}, 1.0 / std::sqrt(static_cast<double>(inputs))), floats({outputs}, 0.3)});
  }
  TensorId flatten(TensorId x) {
    Reshape op;
    op.shape = {1, elements(graph.desc(x).shape)};
    return node(op, {x});
  }

 private:
  std::mt19937 random_;
};

inline std::vector<reference::FloatValue> random_inputs(const Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<reference::FloatValue> out;
  for (TensorId id : graph.inputs) {
    auto value = reference::make_value<float>(graph.desc(id));
    for (float& v : value->real) v = normal(random);
    out.push_back(*std::move(value));
  }
  return out;
}

// The first output for the inputs.
inline std::vector<float> run(const Graph& graph, std::vector<reference::FloatValue> inputs) {
  auto executor = make_cpu_executor(graph);
  EXPECT_TRUE(executor.has_value()) << (executor ? "" : executor.error().message);
  if (!executor) return {};
  auto out = (*executor)->run(std::move(inputs), {});
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message);
  return out ? (*out)[0].real : std::vector<float>{};
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0.0;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return worst;
}

// `count` samples, each by random_inputs().
inline prune::SampleInputs random_samples(size_t count) {
  prune::SampleInputs out;
  out.count = count;
  out.dims = [](const Graph&, size_t) -> Result<DimBindings> { return DimBindings{}; };
  out.inputs = [](const Graph& bound, size_t i) -> Result<std::vector<reference::FloatValue>> {
    return random_inputs(bound, static_cast<uint32_t>(1000 + i));
  };
  return out;
}

}  // namespace nibble::test
