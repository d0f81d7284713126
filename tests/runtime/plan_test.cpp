#include "runtime/plan.h"

#include <gtest/gtest.h>

#include "networks.h"

namespace nibble::test {
namespace {

using Kind = PlanBuffer::Kind;

Plan plan_of(const Graph& graph, const gpu::Caps& caps = {}, const PlanOptions& options = {}) {
  auto plan = make_plan(graph, caps, options);
  EXPECT_TRUE(plan) << plan.error().message;
  return std::move(plan).value();
}

// Bytes of all activations that some step touches.
uint64_t activation_bytes(const Plan& plan) {
  uint64_t bytes = 0;
  for (const PlanBuffer& buffer : plan.buffers) bytes += buffer.kind == Kind::arena ? buffer.bytes : 0;
  return bytes;
}

TEST(Plan, buffers_lie_inside_their_blocks_at_aligned_offsets) {
  const gpu::Caps caps;
  const Plan plan = plan_of(residual_network(), caps);
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const auto& blocks = plan.block_bytes[static_cast<size_t>(plan.buffers[i].kind)];
    const auto block = static_cast<size_t>(plan.places[i].block);
    ASSERT_LT(block, blocks.size());
    EXPECT_EQ(plan.places[i].offset % caps.offset_alignment, 0u);
    EXPECT_LE(plan.places[i].offset + plan.buffers[i].bytes, blocks[block]);
  }
}

TEST(Plan, a_deep_network_reuses_its_memory) {
  const Plan plan = plan_of(deep_network(40));
  EXPECT_LT(plan.bytes(Kind::arena) * 8, activation_bytes(plan));
  PlanOptions options;
  options.keep_all = true;
  const Plan kept = plan_of(deep_network(40), {}, options);
  EXPECT_GE(kept.bytes(Kind::arena), activation_bytes(kept));
}

TEST(Plan, dimensions_change_sizes_and_no_weights) {
  const Graph graph = residual_network();
  PlanOptions options;
  options.dims = {{"N", 4}};
  const Plan one = plan_of(graph), four = plan_of(graph, {}, options);
  EXPECT_EQ(one.bytes(Kind::constants), four.bytes(Kind::constants));
  EXPECT_GT(four.bytes(Kind::input), 3 * one.bytes(Kind::input));
  ASSERT_EQ(one.blobs.size(), four.blobs.size());
  for (size_t i = 0; i < one.blobs.size(); ++i) EXPECT_EQ(one.blobs[i].key(), four.blobs[i].key());
  ASSERT_EQ(one.steps.size(), four.steps.size());
  for (size_t i = 0; i < one.steps.size(); ++i) {
    EXPECT_EQ(one.steps[i].kernel, four.steps[i].kernel);
    EXPECT_EQ(one.steps[i].spec, four.steps[i].spec) << "binding dimensions would compile " << one.steps[i].label;
  }
}

TEST(Plan, activations_and_weights_spread_over_several_small_buffers) {
  gpu::Caps caps;
  caps.max_allocation = 8192;
  const Plan plan = plan_of(deep_network(40), caps);
  EXPECT_GT(plan.block_bytes[static_cast<size_t>(Kind::constants)].size(), 1u);
  for (const auto& blocks : plan.block_bytes) {
    for (uint64_t bytes : blocks) EXPECT_LE(bytes, 8192u);
  }
}

TEST(Plan, a_tensor_beyond_the_range_is_refused_with_both_numbers) {
  gpu::Caps caps;
  caps.device_name = "small device";
  caps.max_allocation = 1024;  // activations take 9 * 7 * 2 blocks of 16 bytes
  auto plan = make_plan(residual_network(), caps, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::unsupported_device);
  for (const char* word : {"small device", "1024", "2016"}) {
    EXPECT_NE(plan.error().message.find(word), std::string::npos) << plan.error().message;
  }
}

TEST(Plan, a_reader_of_a_result_waits_for_it) {
  const Plan plan = plan_of(deep_network(10));
  ASSERT_EQ(plan.barrier_before.size(), plan.steps.size());
  EXPECT_EQ(plan.barrier_before[0], 0);
  for (size_t i = 1; i < plan.steps.size(); ++i) EXPECT_EQ(plan.barrier_before[i], 1) << plan.steps[i].label;
}

TEST(Plan, the_text_names_kernels_nodes_and_totals) {
  const Plan plan = plan_of(residual_network());
  const std::string text = explain(plan);
  for (const Step& step : plan.steps) {
    EXPECT_NE(text.find(kernel_table()[static_cast<size_t>(step.kernel)].name), std::string::npos);
  }
  for (const char* word :
       {"first", "second", "sum", "f32[1, 3, 9, 7]", "device peak", "0.00 % of them in integer steps"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << " missing in\n" << text;
  }
  EXPECT_NE(text.find(std::to_string(plan.device_bytes()) + " B"), std::string::npos);
}

TEST(Plan, the_same_network_gives_the_same_text) {
  EXPECT_EQ(explain(plan_of(residual_network())), explain(plan_of(residual_network())));
}

TEST(Plan, an_integer_network_runs_in_integer_steps) {
  const Plan plan = plan_of(integer_network());
  EXPECT_EQ(plan.integer_share(), 1.0);
  for (const Step& step : plan.steps) EXPECT_TRUE(step.integer) << step.label;
}

TEST(Plan, multiply_adds_are_those_of_the_convolutions) {
  uint64_t sum = 0;
  for (const Step& step : plan_of(residual_network()).steps) sum += step.multiply_adds;
  EXPECT_EQ(sum, 9u * 7 * 6 * (3 + 6) * 9);
}

}  // namespace
}  // namespace nibble::test
