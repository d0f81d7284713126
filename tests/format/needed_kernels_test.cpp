// The list of kernels that a network can need covers what plans for devices of all kinds take.
#include "tools/needed_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runtime/plan.h"
#include "sample_graphs.h"

namespace nibble {
namespace {

gpu::Caps random_device(std::mt19937& random) {
  const auto pick = [&](auto... values) {
    const std::initializer_list<uint32_t> list{static_cast<uint32_t>(values)...};
    return *(list.begin() + random() % list.size());
  };
  gpu::Caps caps;
  caps.bits = static_cast<uint32_t>(random()) & gpu::Caps::all_bits;
  caps.device_type = static_cast<gpu::DeviceType>(pick(0, 1, 2, 3, 4));
  caps.max_storage_buffers = pick(4, 8, 64);
  caps.max_workgroup_invocations = pick(128, 256, 1024);
  caps.max_workgroup_size = {caps.max_workgroup_invocations, caps.max_workgroup_invocations, 64};
  caps.shared_bytes = pick(16384, 32768, 65536);
  caps.subgroup_size = pick(1, 4, 8, 16, 32, 64, 128);
  caps.int8_path = static_cast<gpu::Int8Path>(pick(1, 2));
  if (caps.has(gpu::Caps::dot8) && pick(0, 1)) caps.int8_path = gpu::Int8Path::dot;
  return caps;
}

void expect_covered(const Graph& graph, const char* what) {
  const auto needed = tools::needed_kernels(graph, {});
  ASSERT_TRUE(needed) << needed.error().message;
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const gpu::Caps caps = random_device(random);
    DimBindings dims;
    for (const std::string& name : free_dims(graph)) dims[name] = 1 + static_cast<int64_t>(random() % 9);
    const auto plan = make_plan(graph, caps, {.dims = dims, .kernels = {}, .keep_all = random() % 4 == 0});
    if (!plan) continue;
    for (const Step& step : plan->steps) {
      const std::string name(kernel_table()[static_cast<size_t>(step.kernel)].name);
      EXPECT_NE(std::find(needed->begin(), needed->end(), name), needed->end()) << what << ": " << name << " on\n"
                                                                                << to_text(caps);
    }
  }
}

TEST(NeededKernels, cover_the_plans_of_all_kinds_of_devices) {
  expect_covered(test::tiny_graph(), "tiny_graph");
  expect_covered(test::graph_of_all_operators(), "graph_of_all_operators");
  for (const DType weights : {DType::i8, DType::i4}) {
    expect_covered(test::resnet20(weights), to_string(weights));
  }
}

TEST(NeededKernels, leave_out_what_a_network_cannot_ask_for) {
  const auto needed = tools::needed_kernels(test::resnet20(DType::i8), {});
  ASSERT_TRUE(needed) << needed.error().message;
  ASSERT_FALSE(needed->empty());
  EXPECT_LT(needed->size(), kernel_table().size() / 4);
  for (const std::string& name : *needed) {
    EXPECT_EQ(name.find("_w4"), std::string::npos) << name;
    EXPECT_EQ(name.find("_f16"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace nibble
