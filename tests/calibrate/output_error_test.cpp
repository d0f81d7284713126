// Ranges chosen by the error of what a tensor's readers compute.
#include "converter/calibrate/output_error.h"

#include "converter/execute/executor.h"
#include "tests/converter/quantized_net.h"

namespace nibble::test {
namespace {

using calibrate::Candidate;
using calibrate::OutputErrors;

TensorId tensor(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    if (graph.tensors[i].desc.name == name) return static_cast<TensorId>(i);
  }
  ADD_FAILURE() << name;
  return kNoTensor;
}

// A branch point: channel 0 of r is large, but `weight` decides whether its reader listens to it.
Graph listener(float weight) {
  OnnxBuilder b;
  b.input("x", {"1", "2", "4", "4"}).output("y");
  b.floats("w1", {2, 2, 1, 1}, {100.0f, 0.0f, 0.0f, 1.0f}).floats("w2", {1, 2, 1, 1}, {weight, 1.0f});
  b.node("Conv", {"x", "w1"}, {"c"}).node("Relu", {"c"}, {"r"}).node("Conv", {"r", "w2"}, {"y"});
  auto graph = b.graph();
  EXPECT_TRUE(graph) << graph.error().message;
  EXPECT_TRUE(passes::run(*graph, {.integer_activations = true}));
  return bind_dims(*graph, {}).value();
}

std::string chosen_for_r(const Graph& graph) {
  const TensorId r = tensor(graph, "r");
  std::vector<Candidate> candidates(2);
  candidates[0] = {"wide", {{r, {0.0f, 100.0f}}}};
  candidates[1] = {"narrow", {{r, {0.0f, 1.0f}}}};
  auto errors = OutputErrors::prepare(graph, candidates);
  EXPECT_TRUE(errors) << errors.error().message;
  auto executor = make_cpu_executor(graph);
  EXPECT_TRUE(executor) << executor.error().message;
  reference::FloatValue x = reference::make_value<float>(graph.desc(graph.inputs[0])).value();
  for (size_t i = 0; i < x.real.size(); ++i) x.real[i] = static_cast<float>(i % 13) / 12.0f;
  errors->next_sample();
  EXPECT_TRUE((*executor)->run({x}, errors->observer()));
  EXPECT_TRUE(errors->status());
  const auto chosen = calibrate::choose(candidates, errors->errors());
  EXPECT_GT(chosen.at(r).error, 0.0);
  return chosen.at(r).method;
}

TEST(output_error, prefers_the_range_that_the_readers_need) {
  EXPECT_EQ(chosen_for_r(listener(1.0f)), "wide");    // the large channel is heard: clipping it ruins the sum
  EXPECT_EQ(chosen_for_r(listener(0.0f)), "narrow");  // it is not: the small one gets finer steps
}

TEST(output_error, takes_the_first_candidate_where_nothing_was_measured) {
  const std::vector<Candidate> candidates{{"mse", {{3, {0.0f, 1.0f}}}}, {"minmax", {{3, {0.0f, 2.0f}}}}};
  const auto chosen = calibrate::choose(candidates, {});
  EXPECT_EQ(chosen.at(3).method, "mse");
  EXPECT_EQ(chosen.at(3).range.high, 1.0f);
}

TEST(output_error, adds_up_over_samples) {
  calibrate::RangeErrors sum{{1, {1.0, 2.0}}};
  calibrate::add(sum, {{1, {3.0, 0.5}}, {2, {1.0}}});
  EXPECT_EQ(sum.at(1), (std::vector<double>{4.0, 2.5}));
  EXPECT_EQ(sum.at(2), (std::vector<double>{1.0}));
}

TEST(methods, are_read_by_the_names_they_are_told_by) {
  for (const char* name : {"minmax", "percentile", "mse", "entropy", "auto"}) {
    const auto method = calibrate::parse_method(name);
    ASSERT_TRUE(method) << name;
    EXPECT_STREQ(to_string(*method), name);
  }
  EXPECT_FALSE(calibrate::parse_method("best"));
}

}  // namespace
}  // namespace nibble::test
