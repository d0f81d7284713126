#include "converter/shapes/network_builder.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/text.h"

namespace nibble::shapes {
namespace {

// 4 GB of random floats: a slip in a row must not fill the memory.
constexpr size_t kMostWeights = size_t{1} << 30;
constexpr double kBias = 0.2;

struct KnownActivation {
  UnaryKind kind;
  float a, b;
  double gain;  // variance of the weights in front that keeps the size of activations (He et al., 2015, for ReLU)
};
const std::map<std::string, KnownActivation>& activations() {
  static const std::map<std::string, KnownActivation> known = {
      {"relu", {UnaryKind::relu, 0, 0, 2}},
      {"relu6", {UnaryKind::clip, 0, 6, 2}},
      {"leaky", {UnaryKind::leaky_relu, 0.1f, 0, 2}},
      {"hswish", {UnaryKind::hard_swish, 0, 0, 2.5}},
      {"hsigmoid", {UnaryKind::hard_sigmoid, 1.0f / 6, 0.5f, 1}},
      {"silu", {UnaryKind::silu, 0, 0, 2.5}},
      {"gelu", {UnaryKind::gelu, 0, 0, 2}},
      {"sigmoid", {UnaryKind::sigmoid, 0, 0, 1}},
  };
  return known;
}

double gain_of(const std::string& activation) {
  const auto found = activations().find(activation);
  return found == activations().end() ? 1.0 : found->second.gain;
}

}  // namespace

bool NetworkBuilder::is_activation(const std::string& word) { return activations().contains(word); }

void NetworkBuilder::fail(std::string message) {
  if (status_) status_ = Error{Code::invalid_argument, std::move(message)};
}

TensorId NetworkBuilder::input(const std::string& name, Shape shape) {
  const TensorId id = graph_.add_tensor({name, DType::f32, std::move(shape), {}, Packing::plain});
  graph_.inputs.push_back(id);
  return id;
}

void NetworkBuilder::output(TensorId tensor) {
  if (!status_) return;
  if (std::count(graph_.outputs.begin(), graph_.outputs.end(), tensor) || graph_.inputs.front() == tensor)
    return fail("this is an input or an output already");
  const size_t before = graph_.outputs.size();
  graph_.desc(tensor).name = before == 0 ? "output" : format("output%zu", before);
  graph_.outputs.push_back(tensor);
}

Shape NetworkBuilder::shape(TensorId tensor) const { return tensor == kNoTensor ? Shape{} : graph_.desc(tensor).shape; }

int64_t NetworkBuilder::size(TensorId tensor, size_t axis) const {
  const Shape dims = shape(tensor);
  return axis < dims.size() ? dims[axis].value() : 0;
}

size_t NetworkBuilder::rank(TensorId tensor) const { return shape(tensor).size(); }

TensorId NetworkBuilder::emit(Op op, std::vector<TensorId> inputs) {
  if (!status_) return kNoTensor;
  const std::string name = format("%s.%s%d", prefix_.c_str(), op_name(op), count_++);
  auto node = graph_.add_node(name, std::move(op), std::move(inputs));
  if (node) return graph_.nodes[static_cast<size_t>(*node)].outputs[0];
  fail(node.error().message);
  return kNoTensor;
}

TensorId NetworkBuilder::constant(Shape shape, std::vector<float> values) {
  if (!status_) return kNoTensor;
  return graph_.add_constant({"", DType::f32, std::move(shape), {}, Packing::plain}, ConstantData::of(values));
}

TensorId NetworkBuilder::random(Shape shape, double limit) {
  if (!status_) return kNoTensor;
  size_t count = 1;
  for (const Dim& dim : shape) {
    const int64_t size = dim.value();
    // A shape's product is checked factor by factor.
    if (size < 1 || static_cast<size_t>(size) > (kMostWeights - drawn_) / count) {
      fail(format("random values of shape %s, expected sizes of 1 and more and at most %zu in the network",
                  to_string(shape).c_str(), kMostWeights));
      return kNoTensor;
    }
    count *= static_cast<size_t>(size);
  }
  drawn_ += count;
  // From the generator's own bits: the standard's distributions differ between libraries.
  std::vector<float> values(count);
  const auto scale = static_cast<float>(limit / 2147483648.0);
  for (float& v : values) v = static_cast<float>(static_cast<int32_t>(random_())) * scale;
  return constant(std::move(shape), std::move(values));
}

TensorId NetworkBuilder::weights(int64_t channels, int64_t inputs, int64_t kernel, double variance) {
  Shape shape{channels, inputs};
  if (kernel != 0) shape.insert(shape.end(), {kernel, kernel});
  const double row = static_cast<double>(inputs) * static_cast<double>(kernel == 0 ? 1 : kernel * kernel);
  return random(std::move(shape), std::sqrt(3.0 * variance / std::max(row, 1.0)));
}

TensorId NetworkBuilder::activate(TensorId x, const std::string& activation) {
  const auto found = activations().find(activation);
  if (found == activations().end()) return x;
  return emit(Unary{found->second.kind, found->second.a, found->second.b}, {x});
}

TensorId NetworkBuilder::conv(TensorId x, const ConvShape& s) {
  if (!status_) return kNoTensor;
  const int64_t inputs = channels(x);
  if (s.groups < 1 || inputs % s.groups != 0 || s.channels % s.groups != 0) {
    fail(format("%lld groups, expected a divisor of %lld and %lld channels", static_cast<long long>(s.groups),
                static_cast<long long>(inputs), static_cast<long long>(s.channels)));
    return kNoTensor;
  }
  const TensorId w = weights(s.channels, inputs / s.groups, s.kernel, s.gain * gain_of(s.activation));
  const TensorId b = random({s.channels}, kBias);
  Conv2d op;
  op.stride_h = op.stride_w = static_cast<int32_t>(s.stride);
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right =
      static_cast<int32_t>(s.pad < 0 ? (s.kernel - 1) / 2 : s.pad);
  op.groups = static_cast<int32_t>(s.groups);
  return activate(emit(op, {x, w, b}), s.activation);
}

TensorId NetworkBuilder::depthwise(TensorId x, int64_t kernel, int64_t stride, const std::string& activation) {
  return conv(x, {.channels = channels(x),
                  .kernel = kernel,
                  .stride = stride,
                  .groups = std::max<int64_t>(channels(x), 1),
                  .activation = activation});
}

TensorId NetworkBuilder::linear(TensorId x, int64_t channels, const std::string& activation, bool bias, double gain,
                                TensorId weights_id) {
  if (!status_) return kNoTensor;
  if (weights_id == kNoTensor) weights_id = weights(channels, width(x), 0, gain * gain_of(activation));
  std::vector<TensorId> inputs{x, weights_id};
  if (bias && status_) inputs.push_back(random({channels}, kBias));
  return activate(emit(Linear{}, std::move(inputs)), activation);
}

TensorId NetworkBuilder::slice(TensorId x, size_t axis, int64_t begin, int64_t count, int64_t step) {
  if (!status_) return kNoTensor;
  Slice op;
  op.sizes = shape(x);
  op.starts.assign(op.sizes.size(), 0);
  op.steps.assign(op.sizes.size(), 1);
  if (axis >= op.sizes.size()) return fail("the tensor has too few axes"), kNoTensor;
  op.starts[axis] = begin;
  op.steps[axis] = step;
  op.sizes[axis] = count;
  return emit(op, {x});
}

}  // namespace nibble::shapes
