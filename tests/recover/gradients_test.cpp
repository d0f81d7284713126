// Forward and backward of every operator against the oracle: values, and differences of values in double precision.
#include <functional>

#include "converter/recover/subnet.h"
#include "tests/statistics/layer_net.h"

namespace nibble::test {
namespace {

constexpr int64_t kSamples = 3;

struct Case {
  const char* name;
  // Adds nodes behind the input [1, 4, 6, 6] (or what `shape` says) and returns the output.
  std::function<TensorId(Graph&, TensorId)> build;
  Shape shape = {1, 4, 6, 6};
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

TensorId add(Graph& graph, const std::string& name, Op op, std::vector<TensorId> inputs) {
  const auto node = graph.add_node(name, std::move(op), std::move(inputs));
  EXPECT_TRUE(node) << node.error().message;
  const TensorId y = graph.nodes.back().outputs[0];
  graph.outputs = {y};
  return y;
}

Conv2d conv3x3(UnaryKind activation = UnaryKind::identity, float a = 0.0f, float b = 0.0f) {
  Conv2d op;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
  op.activation = {activation, a, b};
  return op;
}

TensorId first_layer(Graph& graph, TensorId x) {
  return add_layer(graph, "first", conv3x3(), x, {4, 4, 3, 3}, 1, 0.5f);
}

Case activation_case(const char* name, UnaryKind kind, float a = 0.0f, float b = 0.0f) {
  return {name, [=](Graph& g, TensorId x) {
            const TensorId y = add_layer(g, "first", conv3x3(kind, a, b), x, {4, 4, 3, 3}, 1, 0.5f);
            return add_layer(g, "second", conv3x3(), y, {2, 4, 3, 3}, 3, 0.5f);
          }};
}

std::vector<Case> cases() {
  std::vector<Case> out;
  out.push_back({"convolution", [](Graph& g, TensorId x) {
                   return add_layer(g, "second", conv3x3(), first_layer(g, x), {5, 4, 3, 3}, 3);
                 }});
  out.push_back({"stride_dilation_groups_without_bias", [](Graph& g, TensorId x) {
                   Conv2d op;
                   op.stride_h = 2, op.pad_top = 1, op.pad_right = 2, op.dilation_w = 2, op.groups = 2;
                   const TensorId y = first_layer(g, x);
                   return add(g, "second", op, {y, add_noise(g, "w", {6, 2, 3, 2}, 7)});
                 }});
  out.push_back({"depthwise", [](Graph& g, TensorId x) {
                   Conv2d op = conv3x3(UnaryKind::clip, 0.0f, 0.8f);
                   op.groups = 4;
                   const TensorId y = add_layer(g, "depthwise", op, first_layer(g, x), {4, 1, 3, 3}, 5);
                   return add_layer(g, "last", Conv2d{}, y, {3, 4, 1, 1}, 6);
                 }});
  out.push_back(activation_case("relu", UnaryKind::relu));
  out.push_back(activation_case("clip", UnaryKind::clip, -0.3f, 0.6f));
  out.push_back(activation_case("leaky_relu", UnaryKind::leaky_relu, 0.1f));
  out.push_back(activation_case("sigmoid", UnaryKind::sigmoid));
  out.push_back(activation_case("tanh", UnaryKind::tanh));
  out.push_back(activation_case("silu", UnaryKind::silu));
  out.push_back(activation_case("gelu", UnaryKind::gelu));
  out.push_back(activation_case("hard_swish", UnaryKind::hard_swish));
  out.push_back(activation_case("hard_sigmoid", UnaryKind::hard_sigmoid, 0.2f, 0.5f));
  out.push_back({"residual_block", [](Graph& g, TensorId x) {
                   const TensorId a = first_layer(g, x);
                   const TensorId y = add_layer(g, "second", conv3x3(UnaryKind::relu), a, {4, 4, 3, 3}, 3);
                   return add(g, "add", Binary{BinaryKind::add, {UnaryKind::relu}}, {y, a});
                 }});
  out.push_back(
      {"squeeze_and_excite", [](Graph& g, TensorId x) {
         const TensorId a = first_layer(g, x);
         const TensorId mean = add(g, "mean", Reduce{ReduceKind::mean, {2, 3}, true}, {a});
         const TensorId gate = add_layer(g, "gate", Conv2d{.activation = {UnaryKind::sigmoid}}, mean, {4, 4, 1, 1}, 4);
         return add(g, "mul", Binary{BinaryKind::mul}, {a, gate});
       }});
  out.push_back(
      {"difference_and_constant", [](Graph& g, TensorId x) {
         const TensorId a = first_layer(g, x);
         const TensorId scaled = add(g, "scaled", Binary{BinaryKind::mul}, {a, add_noise(g, "s", {4, 1, 1}, 8)});
         return add(g, "sub", Binary{BinaryKind::sub}, {scaled, a});
       }});
  out.push_back({"concat", [](Graph& g, TensorId x) {
                   const TensorId a = first_layer(g, x);
                   const TensorId b = add_layer(g, "b", Conv2d{}, a, {3, 4, 1, 1}, 4);
                   const TensorId joined = add(g, "joined", Concat{1}, {b, a, b});
                   return add_layer(g, "last", conv3x3(), joined, {2, 10, 3, 3}, 6);
                 }});
  out.push_back({"concat_of_rows", [](Graph& g, TensorId x) {
                   const TensorId a = first_layer(g, x);
                   return add(g, "joined", Concat{2}, {a, add_layer(g, "b", Conv2d{}, a, {4, 4, 1, 1}, 4)});
                 }});
  out.push_back({"max_pool", [](Graph& g, TensorId x) {
                   Pool2d pool{.kernel_h = 3, .kernel_w = 2, .stride_h = 2, .stride_w = 2, .pad_top = 1};
                   pool.ceil_mode = true;
                   return add_layer(g, "last", Conv2d{}, add(g, "pool", pool, {first_layer(g, x)}), {2, 4, 1, 1}, 4);
                 }});
  out.push_back({"average_pool", [](Graph& g, TensorId x) {
                   Pool2d pool{.kind = PoolKind::average, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 1};
                   pool.pad_top = pool.pad_left = 1;
                   return add(g, "pool", pool, {first_layer(g, x)});
                 }});
  out.push_back({"average_pool_counts_padding", [](Graph& g, TensorId x) {
                   Pool2d pool{.kind = PoolKind::average, .kernel_h = 3, .kernel_w = 3};
                   pool.pad_top = pool.pad_right = 1;
                   pool.count_include_pad = true;
                   return add(g, "pool", pool, {first_layer(g, x)});
                 }});
  out.push_back({"strided_shortcut", [](Graph& g, TensorId x) {
                   const TensorId a = first_layer(g, x);
                   const TensorId part = add(g, "part", Slice{{0, 1, 1, 0}, {1, 2, 2, 3}, {1, 2, 3, 2}}, {a});
                   return add(g, "wide", Pad{PadMode::constant, {0, 1, 0, 2}, {0, 2, 1, 0}, 0.5f}, {part});
                 }});
  out.push_back({"classifier", [](Graph& g, TensorId x) {
                   const TensorId a = first_layer(g, x);
                   const TensorId flat = add(g, "flat", Reshape{{1, 144}}, {a});
                   return add_layer(g, "logits", Linear{}, flat, {5, 144}, 4);
                 }});
  out.push_back({"tokens",
                 [](Graph& g, TensorId x) {
                   const TensorId a = add_layer(g, "a", Linear{{UnaryKind::gelu}}, x, {6, 4}, 2);
                   const TensorId b = add_layer(g, "b", Linear{}, a, {4, 6}, 3);
                   const TensorId sum = add(g, "sum", Binary{BinaryKind::add}, {b, x});
                   return add(g, "mean", Reduce{ReduceKind::mean, {1}, false}, {sum});
                 },
                 {1, 5, 4}});
  out.push_back({"shared_weights", [](Graph& g, TensorId x) {
                   const TensorId w = add_noise(g, "w", {4, 4, 3, 3}, 2, 0.5f);
                   const TensorId a = add(g, "a", conv3x3(UnaryKind::relu), {x, w});
                   return add(g, "b", conv3x3(), {a, w});
                 }});
  return out;
}

class Gradients : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const TensorId x = add_input(graph, GetParam().shape);
    GetParam().build(graph, x);
    std::vector<NodeId> nodes;
    for (size_t i = 0; i < graph.nodes.size(); ++i) nodes.push_back(static_cast<NodeId>(i));
    auto made = recover::Subnet::make(graph, nodes, x, graph.outputs[0], kSamples);
    ASSERT_TRUE(made) << made.error().message;
    subnet = std::make_unique<recover::Subnet>(*std::move(made));
    samples = noise(static_cast<size_t>(subnet->input().elements()), 11);
    weights = noise(static_cast<size_t>(subnet->output().elements()), 12);  // of the outputs in the loss
  }

  // The oracle's results for all samples, channels last.
  std::vector<double> oracle() const {
    std::vector<double> out;
    recover::Extent one = subnet->output();
    one.n = 1;
    const size_t in = samples.size() / kSamples, count = static_cast<size_t>(one.elements());
    for (size_t s = 0; s < kSamples; ++s) {
      const std::vector<double> y = run_one(graph, Floats(samples.begin() + static_cast<std::ptrdiff_t>(s * in),
                                                          samples.begin() + static_cast<std::ptrdiff_t>((s + 1) * in)));
      Floats place(count), order(count);  // where each element goes
      for (size_t i = 0; i < count; ++i) place[i] = static_cast<float>(i);
      recover::to_channels_last(place.data(), one, order.data());
      for (size_t i = 0; i < count; ++i) out.push_back(y[static_cast<size_t>(order[i])]);
    }
    return out;
  }

  double oracle_loss() const {
    const std::vector<double> y = oracle();
    double sum = 0.0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(weights[i]);
    return sum;
  }

  Floats input() const {
    Floats out(samples.size());
    recover::to_channels_last(samples.data(), subnet->input(), out.data());
    return out;
  }

  Graph graph;
  std::unique_ptr<recover::Subnet> subnet;
  Floats samples, weights;
};

TEST_P(Gradients, equal_the_differences_of_the_oracle) {
  recover::Subnet::Workspace workspace = subnet->workspace(true);
  const Floats x = input();
  const auto y = subnet->forward(x.data(), workspace);
  ASSERT_TRUE(y) << y.error().message;
  const std::vector<double> expected = oracle();
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR((*y)[i], expected[i], 2e-5) << "element " << i;

  Floats gradients(subnet->initial().size(), 0.0f);
  const Status status = subnet->backward(x.data(), weights.data(), gradients.data(), workspace);
  ASSERT_TRUE(status) << status.error().message;
  size_t checked = 0;
  for (const recover::Parameter& p : subnet->parameters()) {
    ASSERT_TRUE(p.trainable);
    const Tensor before = graph.tensor(p.tensor);
    const size_t step = std::max<size_t>(p.count / 12, 1);
    for (size_t i = 0; i < p.count; i += step, ++checked) {
      double loss[2], at[2];
      for (int side = 0; side < 2; ++side) {
        Floats values(before.constant->as<float>().begin(), before.constant->as<float>().end());
        values[i] += side ? 1e-4f : -1e-4f;
        at[side] = static_cast<double>(values[i]);
        graph.tensor(p.tensor).constant = ConstantData::of(values);
        loss[side] = oracle_loss();
      }
      graph.tensor(p.tensor) = before;
      const double slope = (loss[1] - loss[0]) / (at[1] - at[0]);
      ASSERT_NEAR(gradients[p.begin + i], slope, 2e-3 + 2e-3 * std::abs(slope))
          << graph.desc(p.tensor).name << " element " << i;
    }
  }
  EXPECT_GE(checked, 8u);
}

TEST_P(Gradients, add_to_what_is_there) {
  recover::Subnet::Workspace workspace = subnet->workspace(true);
  const Floats x = input();
  Floats once(subnet->initial().size(), 0.0f), twice = once;
  ASSERT_TRUE(subnet->forward(x.data(), workspace));
  ASSERT_TRUE(subnet->backward(x.data(), weights.data(), once.data(), workspace));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(subnet->forward(x.data(), workspace));
    ASSERT_TRUE(subnet->backward(x.data(), weights.data(), twice.data(), workspace));
  }
  for (size_t i = 0; i < once.size(); ++i) ASSERT_FLOAT_EQ(twice[i], 2.0f * once[i]);
}

INSTANTIATE_TEST_SUITE_P(Operators, Gradients, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Subnet, says_which_operator_has_no_gradient) {
  Graph graph;
  const TensorId x = add_input(graph, {1, 4, 6, 6});
  add(graph, "norm", InstanceNorm{},
      {first_layer(graph, x), add_noise(graph, "s", {4}, 1), add_noise(graph, "b", {4}, 2)});
  const auto made = recover::Subnet::make(graph, std::vector<NodeId>{0, 1}, x, graph.outputs[0], 2);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::unsupported_op);
  EXPECT_NE(made.error().message.find("InstanceNorm 'norm'"), std::string::npos) << made.error().message;
}

TEST(Subnet, leaves_weights_alone_that_others_read) {
  Graph graph;
  const TensorId x = add_input(graph, {1, 4, 6, 6});
  const TensorId w = add_noise(graph, "w", {4, 4, 3, 3}, 2);
  const TensorId a = add(graph, "a", conv3x3(), {x, w});
  add(graph, "b", conv3x3(), {a, w});
  const auto made = recover::Subnet::make(graph, std::vector<NodeId>{0}, x, a, 1);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->parameters().size(), 1u);
  EXPECT_FALSE(made->parameters()[0].trainable);
}

}  // namespace
}  // namespace nibble::test
