#include "converter/report/layer_errors.h"

#include <gtest/gtest.h>

#include "ops/op.h"

namespace nibble::report {
namespace {

TensorDesc tensor(const std::string& name, DType type = DType::f32) {
  TensorDesc desc;
  desc.name = name;
  desc.type = type;
  desc.shape = {1, 4};
  if (type == DType::i8) desc.quant = Quant::tensor(0.1f, 0);
  return desc;
}

// x -> a -> b -> y, each a ReLU.
Graph chain() {
  Graph graph;
  TensorId last = graph.add_tensor(tensor("x"));
  graph.inputs.push_back(last);
  for (const char* name : {"a", "b", "y"}) {
    const auto node = graph.add_node(name, Unary{UnaryKind::relu}, {last});
    last = graph.nodes[static_cast<size_t>(*node)].outputs[0];
  }
  graph.outputs.push_back(last);
  return graph;
}

Graph stored(const std::vector<TensorDesc>& tensors) {
  Graph graph;
  for (const TensorDesc& desc : tensors) graph.add_tensor(desc);
  return graph;
}

void add(LayerErrors& errors, const std::string& name, float error) {
  const std::vector<float> reference{1.0f, 1.0f, 1.0f, 1.0f}, other(4, 1.0f + error);
  errors.add(name, reference, other);
}

TEST(LayerErrors, tensors_are_paired_by_name_and_inputs_by_their_quantized_form) {
  const LayerErrors empty(chain(), stored({}));
  EXPECT_TRUE(empty.layers().empty());
  LayerErrors errors(chain(), stored({tensor("x"), tensor("x:i8", DType::i8), tensor("a", DType::i8),
                                      tensor("y", DType::u8), tensor("y:i8", DType::i8)}));
  for (const char* name : {"x", "a", "y"}) add(errors, name, 0.1f);
  const std::vector<LayerError> layers = errors.layers();
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].stored_as, "x:i8");
  EXPECT_EQ(layers[1].stored_as, "a");
  EXPECT_EQ(layers[2].stored_as, "y:i8");
  EXPECT_EQ(layers[0].op, "input");
  EXPECT_EQ(layers[1].op, "Unary");
}

TEST(LayerErrors, noise_is_charged_to_the_layer_that_adds_it) {
  LayerErrors errors(chain(), stored({}));
  add(errors, "x", 0.01f);
  add(errors, "y", 0.02f);
  add(errors, "a", 0.2f);  // the order of adding does not matter; "b" was not kept
  const std::vector<LayerError> layers = errors.layers();
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[1].name, "a");
  EXPECT_NEAR(layers[1].noise_in, 1e-4, 1e-8);
  EXPECT_NEAR(layers[1].added_noise(), 0.04 - 1e-4, 1e-6);
  EXPECT_NEAR(layers[2].noise_in, 0.04, 1e-6) << "noise passes through a tensor that was not measured";
  EXPECT_EQ(layers[2].added_noise(), 0.0);
  EXPECT_EQ(worst_layers(layers, 5), (std::vector<size_t>{1, 0}));
  EXPECT_EQ(worst_layers(layers, 1), (std::vector<size_t>{1}));
}

TEST(LayerErrors, unknown_names_and_other_lengths_are_passed_over) {
  LayerErrors errors(chain(), stored({}));
  add(errors, "nobody", 1.0f);
  errors.add("a", std::vector<float>{1.0f}, std::vector<float>{1.0f, 2.0f});
  EXPECT_TRUE(errors.layers().empty());
}

}  // namespace
}  // namespace nibble::report
