#include "tools/bench_matrix_model.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/requantize.h"
#include "core/text.h"
#include "core/try.h"
#include "format/packing.h"
#include "ops/op.h"
#include "runtime/model_internal.h"
#include "tools/tensor_values.h"

namespace nibble::tools {
namespace {

constexpr int64_t kGroup = 32;  // int4 weights that share a multiplier
constexpr double kRmsBytes = 73.6, kRmsNibbles = 4.7, kRmsMultipliers = 97.0;

bool whole_input(Product product) { return product == Product::i8_i8 || product == Product::i4_i8; }
bool nibbles(Product product) { return product == Product::i4_i8 || product == Product::i4_f32; }

// Many numbers fast: a linear congruential generator (D. Knuth, MMIX).
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state_ >> 33);
  }
  // In [-most, most] without 0.
  int8_t whole(uint32_t most) {
    const uint32_t r = next();
    const auto magnitude = static_cast<int32_t>(1 + (r >> 1) % most);
    return static_cast<int8_t>(r & 1u ? magnitude : -magnitude);
  }
  // In [-1, 1] but for [-0.01, 0.01].
  float real() {
    const uint32_t r = next();
    const float magnitude = 0.01f + 0.99f * static_cast<float>(r >> 8) / 8388608.0f;
    return r & 1u ? magnitude : -magnitude;
  }

 private:
  uint64_t state_;
};

// Factors keep the spread of values about the same from layer to layer.
MatrixLayer make_layer(Product product, int64_t inputs, int64_t outputs, uint64_t seed) {
  MatrixLayer layer;
  layer.inputs = inputs, layer.outputs = outputs;
  Numbers numbers(seed);
  const auto count = static_cast<size_t>(inputs * outputs);
  const double width = std::sqrt(static_cast<double>(inputs));
  if (product == Product::f32) {
    layer.real.resize(count);
    const auto factor = static_cast<float>(1.7 / width);
    for (float& w : layer.real) w = numbers.real() * factor;
    return layer;
  }
  layer.whole.resize(count);
  for (int8_t& w : layer.whole) w = numbers.whole(nibbles(product) ? 7 : 127);
  double spread = width * kRmsBytes;
  if (nibbles(product)) {
    layer.multipliers.resize(static_cast<size_t>(outputs * ((inputs + kGroup - 1) / kGroup)));
    for (uint8_t& m : layer.multipliers) m = static_cast<uint8_t>(64 + numbers.next() % 64);
    spread = width * kRmsNibbles * kRmsMultipliers;
  }
  layer.scale = static_cast<float>(1.0 / spread);
  const FixedMultiplier factor = fixed_multiplier(55.0 / (spread * kRmsBytes));
  layer.multiplier = factor.multiplier, layer.shift = factor.shift;
  return layer;
}

Result<TensorId> add_packed(Graph& graph, TensorDesc desc, std::span<const std::byte> plain, MatrixLayer& layer) {
  NBL_TRY(std::vector<std::byte> packed, pack_weights(desc, plain));
  layer.stored_bytes += packed.size();
  return graph.add_constant(std::move(desc), ConstantData::own(std::move(packed)));
}

template <class T>
TensorId add_values(Graph& graph, const std::string& name, DType type, const std::vector<T>& values) {
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = {Dim(static_cast<int64_t>(values.size()))};
  return graph.add_constant(std::move(desc), ConstantData::of(values));
}

Result<TensorId> add_layer(Graph& graph, TensorId x, Product product, MatrixLayer& layer, const std::string& name) {
  TensorDesc desc;
  desc.name = name + ".weights";
  desc.shape = {layer.outputs, layer.inputs};
  desc.packing = Packing::blocked;
  std::span<const std::byte> plain = std::as_bytes(std::span(layer.real));
  const auto outputs = static_cast<size_t>(layer.outputs);
  if (product != Product::f32) {
    desc.type = nibbles(product) ? DType::i4 : DType::i8;
    desc.quant = Quant::channel(0, std::vector<float>(outputs, layer.scale));
    plain = std::as_bytes(std::span(layer.whole));
  }
  if (nibbles(product)) {
    desc.quant.kind = Quant::Kind::per_group;
    desc.quant.group_size = kGroup;
  }
  NBL_TRY(const TensorId weights, add_packed(graph, desc, plain, layer));
  std::vector<TensorId> inputs = {x, weights};
  std::vector<TensorDesc> declared;
  if (whole_input(product)) {
    inputs.push_back(kNoTensor);
    inputs.push_back(add_values(graph, name + ".multiplier", DType::i32, std::vector(outputs, layer.multiplier)));
    inputs.push_back(
        add_values(graph, name + ".shift", DType::u8, std::vector(outputs, static_cast<uint8_t>(layer.shift))));
    declared.emplace_back();
    declared[0].type = DType::i8;
    declared[0].quant = Quant::tensor(0.05f, 0);
  } else if (nibbles(product)) {
    inputs.push_back(kNoTensor);
    inputs.push_back(add_values(graph, name + ".scale", DType::f32, std::vector(outputs, layer.scale)));
    inputs.push_back(kNoTensor);
  }
  if (nibbles(product)) {
    TensorDesc groups;
    groups.name = name + ".groups";
    groups.type = DType::u8;
    groups.shape = {layer.outputs, (layer.inputs + kGroup - 1) / kGroup};
    groups.packing = Packing::group_multipliers;
    NBL_TRY(const TensorId id, add_packed(graph, groups, std::as_bytes(std::span(layer.multipliers)), layer));
    inputs.push_back(id);
  }
  NBL_TRY(const NodeId node, graph.add_node(name, Linear{}, std::move(inputs), std::move(declared)));
  return graph.nodes[static_cast<size_t>(node)].outputs[0];
}

int64_t dot(const int8_t* w, const int8_t* x, int64_t count) {
  int32_t sum = 0;  // of at most 2^17 products of 2^14
  for (int64_t i = 0; i < count; ++i) sum += static_cast<int32_t>(w[i]) * x[i];
  return sum;
}

double dot(const int8_t* w, const float* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(w[i]) * static_cast<double>(x[i]);
  return sum;
}

// Sum over the weights of one output, group multipliers included.
template <class T>
auto weighted_sum(const MatrixLayer& layer, const T* x, int64_t output) {
  const int8_t* w = layer.whole.data() + output * layer.inputs;
  if (layer.multipliers.empty()) return dot(w, x, layer.inputs);
  const int64_t groups = (layer.inputs + kGroup - 1) / kGroup;
  decltype(dot(w, x, 0)) sum = 0;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * kGroup;
    sum += layer.multipliers[static_cast<size_t>(output * groups + g)] *
           dot(w + first, x + first, std::min(kGroup, layer.inputs - first));
  }
  return sum;
}

const TensorInfo& output_named(const Session& session, const std::string& name) {
  const auto& outputs = session.outputs();
  return *std::find_if(outputs.begin(), outputs.end(), [&](const TensorInfo& info) { return info.name == name; });
}

template <class T>
Status check_layer(const MatrixJob& job, const MatrixLayer& layer, const std::vector<T>& x, const std::vector<T>& y) {
  const int64_t values = job.rows * layer.outputs;
  const bool all = values * layer.inputs <= kCheckedProducts;
  const int64_t checked = all ? values : std::max<int64_t>(kCheckedProducts / layer.inputs, 1);
  const double tolerance = whole_input(job.product) ? 0 : 1e-5 * std::sqrt(static_cast<double>(layer.inputs));
  Numbers numbers(7);
  for (int64_t i = 0; i < checked; ++i) {
    const int64_t place =
        all ? i
            : static_cast<int64_t>((uint64_t{numbers.next()} << 31 | numbers.next()) % static_cast<uint64_t>(values));
    const int64_t row = place / layer.outputs, output = place % layer.outputs;
    const double expected = matrix_value(layer, job.product, x.data() + row * layer.inputs, output);
    const auto found = static_cast<double>(y[static_cast<size_t>(place)]);
    if (std::abs(found - expected) <= tolerance) continue;
    return Error{Code::internal, format("%s product, %lld x %lld to %lld: row %lld, output %lld is %.9g, expected %.9g",
                                        to_string(job.product), static_cast<long long>(job.rows),
                                        static_cast<long long>(layer.inputs), static_cast<long long>(layer.outputs),
                                        static_cast<long long>(row), static_cast<long long>(output), found, expected)};
  }
  return {};
}

template <class T>
std::vector<T> input_values(const MatrixJob& job) {
  std::vector<T> x(static_cast<size_t>(job.rows * job.widths[0]));
  Numbers numbers(99);
  for (T& value : x) {
    if constexpr (std::is_same_v<T, float>) {
      value = numbers.real();
    } else {
      value = numbers.whole(127);
    }
  }
  return x;
}

template <class T>
Status check_results(const Session& session, const MatrixJob& job, const MatrixModel& model) {
  std::vector<T> x = input_values<T>(job);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const TensorInfo& info = output_named(session, "layer" + std::to_string(i));
    std::vector<T> y(info.elements());
    NBL_CHECK(session.read(info.name, std::span(y)));
    NBL_CHECK(check_layer(job, model.layers[i], x, y));
    x = std::move(y);
  }
  return {};
}

}  // namespace

double matrix_value(const MatrixLayer& layer, Product product, const float* x, int64_t output) {
  if (product != Product::f32) return static_cast<double>(layer.scale) * weighted_sum(layer, x, output);
  const float* w = layer.real.data() + output * layer.inputs;
  double sum = 0;
  for (int64_t i = 0; i < layer.inputs; ++i) sum += static_cast<double>(w[i]) * static_cast<double>(x[i]);
  return sum;
}

double matrix_value(const MatrixLayer& layer, Product, const int8_t* x, int64_t output) {
  const auto sum = static_cast<int32_t>(weighted_sum(layer, x, output));
  return std::clamp(requantize(sum, layer.multiplier, layer.shift), -127, 127);
}

Result<MatrixModel> make_matrix_model(const MatrixJob& job) {
  Graph graph;
  TensorDesc x;
  x.name = "x";
  x.shape = {job.rows, job.widths[0]};
  if (whole_input(job.product)) {
    x.type = DType::i8;
    x.quant = Quant::tensor(0.05f, 0);
  }
  graph.inputs = {graph.add_tensor(x)};
  TensorId last = graph.inputs[0];
  std::vector<MatrixLayer> layers;
  for (size_t i = 0; i + 1 < job.widths.size(); ++i) {
    layers.push_back(make_layer(job.product, job.widths[i], job.widths[i + 1], 1 + i));
    NBL_TRY(last, add_layer(graph, last, job.product, layers.back(), "layer" + std::to_string(i)));
    graph.outputs.push_back(last);
  }
  NBL_TRY(Model model, make_model(std::move(graph)));
  return MatrixModel{std::move(layers), std::move(model)};
}

Status write_matrix_input(Session& session, const MatrixJob& job) {
  if (whole_input(job.product)) return session.write("x", std::span<const int8_t>(input_values<int8_t>(job)));
  return session.write("x", std::span<const float>(input_values<float>(job)));
}

Status check_matrix_results(const Session& session, const MatrixJob& job, const MatrixModel& model) {
  return whole_input(job.product) ? check_results<int8_t>(session, job, model)
                                  : check_results<float>(session, job, model);
}

}  // namespace nibble::tools
