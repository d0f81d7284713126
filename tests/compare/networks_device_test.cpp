#include <gtest/gtest.h>

#include <algorithm>

#include "converter/report/layer_errors.h"
#include "format/pack_graph.h"
#include "nibble/device.h"
#include "runtime/model_internal.h"
#include "tests/runtime/networks.h"

namespace nibble::report {
namespace {

const Device& device() {
  static const Device opened = Device::create().value();
  return opened;
}

Model packed(Graph graph) {
  EXPECT_TRUE(pack_graph(graph));
  return make_model(std::move(graph)).value();
}

std::vector<reference::FloatValue> sample(const Graph& graph, const DimBindings& dims, uint32_t seed) {
  TensorDesc desc = graph.desc(graph.inputs[0]);
  for (Dim& d : desc.shape) d = d.bind(dims);
  auto value = reference::make_value<float>(desc).value();
  value.real = test::some_values(value.real.size(), seed);
  return {value};
}

TEST(ComparedNetworks, float_file_agrees_with_its_network_in_every_tensor) {
  const Graph graph = test::residual_network();
  FloatNetwork reference(graph, std::nullopt, {});
  StoredNetwork stored(packed(graph), device(), {});
  stored.keep_all(true);
  LayerErrors errors(reference.graph(), stored.graph());
  for (const int64_t batch : {2, 1}) {
    const DimBindings dims{{"N", batch}};
    ASSERT_TRUE(reference.bind(dims));
    ASSERT_TRUE(stored.bind(dims));
    const Status added = errors.add(reference, stored, sample(graph, dims, 7));
    ASSERT_TRUE(added) << added.error().message;
  }
  const std::vector<LayerError> layers = errors.layers();
  ASSERT_FALSE(layers.empty());
  EXPECT_EQ(layers.back().name, "sum");
  for (const LayerError& layer : layers) EXPECT_GT(*layer.sums.sqnr_db(), 100.0) << layer.name;
}

TEST(ComparedNetworks, file_as_a_reference_of_itself_is_exact) {
  const Model model = packed(test::residual_network());
  StoredNetwork reference(model, device(), {}), stored(model, device(), {});
  reference.keep_all(true);
  stored.keep_all(true);
  ASSERT_TRUE(reference.bind({{"N", 1}}) && stored.bind({{"N", 1}}));
  LayerErrors errors(reference.graph(), stored.graph());
  ASSERT_TRUE(errors.add(reference, stored, sample(reference.graph(), {{"N", 1}}, 3)));
  const std::vector<LayerError> layers = errors.layers();
  ASSERT_FALSE(layers.empty());
  for (const LayerError& layer : layers) EXPECT_TRUE(layer.sums.exact()) << layer.name;
}

TEST(ComparedNetworks, change_of_one_weight_is_charged_to_its_layer) {
  const Graph graph = test::residual_network();
  Graph changed = graph;
  const TensorId weights = changed.nodes[0].inputs[1];
  std::vector<float> values(changed.tensor(weights).constant->as<float>().begin(),
                            changed.tensor(weights).constant->as<float>().end());
  for (size_t i = 0; i < values.size(); i += 2) values[i] *= 1.2f;
  changed.tensor(weights).constant = ConstantData::of(values);
  const std::string first = graph.desc(graph.nodes[0].outputs[0]).name;
  FloatNetwork reference(graph, std::nullopt, {});
  StoredNetwork stored(packed(changed), device(), {});
  stored.keep_all(true);
  ASSERT_TRUE(reference.bind({{"N", 1}}) && stored.bind({{"N", 1}}));
  LayerErrors errors(reference.graph(), stored.graph());
  ASSERT_TRUE(errors.add(reference, stored, sample(graph, {{"N", 1}}, 5)));
  const std::vector<LayerError> layers = errors.layers();
  const std::vector<size_t> worst = worst_layers(layers, 1);
  ASSERT_EQ(worst.size(), 1u);
  EXPECT_EQ(layers[worst[0]].name, first);
  EXPECT_LT(*layers[worst[0]].sums.sqnr_db(), 40.0);
}

TEST(ComparedNetworks, first_run_after_binding_is_marked) {
  StoredNetwork stored(packed(test::residual_network()), device(), {});
  ASSERT_TRUE(stored.bind({{"N", 1}}));
  const auto values = sample(stored.graph(), {{"N", 1}}, 1);
  EXPECT_TRUE(stored.run(values, {})->first);
  EXPECT_FALSE(stored.run(values, {})->first);
  ASSERT_TRUE(stored.bind({{"N", 1}}));
  EXPECT_FALSE(stored.run(values, {})->first);
  ASSERT_TRUE(stored.bind({{"N", 2}}));
  EXPECT_TRUE(stored.run(sample(stored.graph(), {{"N", 2}}, 1), {})->first);
  EXPECT_FALSE(stored.run({}, {})) << "no values at all";
}

}  // namespace
}  // namespace nibble::report
