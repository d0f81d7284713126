#include "tests/kernels/device_case.h"

#include <algorithm>

#include "core/text.h"
#include "kernels/step_parts.h"

namespace nibble::test {
namespace {

constexpr uint32_t kSeed = 7;

std::vector<std::vector<std::byte>> feed_bytes(const BuiltCase& built) {
  std::vector<std::vector<std::byte>> feeds;
  for (const auto& value : built.feeds) feeds.push_back(reference::value_bytes(value));
  return feeds;
}

std::string run_once(const BuiltCase& built, const KernelOverrides& overrides, LoweredPlan* used) {
  const gpu::Device& device = device_under_test();
  auto plan = Lowering(built.graph, device.caps(), overrides).run();
  if (!plan) return plan.error().message;
  if (used) *used = *plan;
  auto outputs = run_plan(device, built.graph, *plan, feed_bytes(built));
  if (!outputs) return outputs.error().message;
  return mismatch(built, (*outputs)[0]);
}

std::vector<int64_t> exchange(size_t rank, int32_t a, int32_t b) {
  std::vector<int64_t> perm(rank);
  for (size_t i = 0; i < rank; ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  return perm;
}

int32_t most_axes(const BuiltCase& built) {
  size_t rank = 0;
  for (const TensorId id : built.graph.inputs) rank = std::max(rank, built.graph.desc(id).shape.size());
  return static_cast<int32_t>(rank);
}

}  // namespace

const gpu::Device& device_under_test() {
  static const gpu::Device device = [] {
    const gpu::DeviceOptions options;
    return gpu::Device::create(options).value();
  }();
  return device;
}

BuiltCase with_blocked_axis(const BuiltCase& built, int32_t axis) {
  BuiltCase moved = built;
  moved.graph.nodes.clear();
  Node node = built.graph.nodes[0];
  for (TensorId& id : node.inputs) {
    if (id == kNoTensor || built.graph.tensor(id).is_constant()) continue;
    const size_t rank = built.graph.desc(id).shape.size();
    if (axis >= static_cast<int32_t>(rank)) continue;
    const Op swap = Transpose{exchange(rank, default_layout(rank).axis, axis)};
    const NodeId there = moved.graph.add_node("there", swap, {id}).value();
    const TensorId middle = moved.graph.nodes[static_cast<size_t>(there)].outputs[0];
    const NodeId back = moved.graph.add_node("back", swap, {middle}).value();
    id = moved.graph.nodes[static_cast<size_t>(back)].outputs[0];
  }
  moved.graph.nodes.push_back(node);
  return moved;
}

std::string run_case(const OpCase& op_case) {
  auto built = build(op_case, kSeed);
  if (!built) return "building the case: " + built.error().message;
  LoweredPlan plan;
  if (std::string error = run_once(*built, {}, &plan); !error.empty()) return error;
  for (const auto& [name, overrides] : eligible_rows(plan, device_under_test().caps())) {
    if (std::string error = run_once(*built, overrides, nullptr); !error.empty()) return name + ": " + error;
  }
  for (int32_t axis = 0; axis < most_axes(*built); ++axis) {
    if (std::string error = run_once(with_blocked_axis(*built, axis), {}, nullptr); !error.empty()) {
      return format("inputs blocked along axis %d: ", axis) + error;
    }
  }
  return {};
}

}  // namespace nibble::test
