#include <algorithm>
#include <string>

#include "core/text.h"
#include "runtime/plan.h"

namespace nibble {
namespace {

using Kind = PlanBuffer::Kind;

unsigned long long number(uint64_t value) { return value; }

std::string tensor_text(const Plan& plan, const PlanBuffer& buffer) {
  if (buffer.tensor == kNoTensor) return format("scratch[%llu B]", number(buffer.bytes));
  const TensorDesc& desc = plan.graph.desc(buffer.tensor);
  return std::string(to_string(desc.type)) + to_string(desc.shape);
}

// "f32[1, 3, 8, 8] -> f32[1, 4, 8, 8]": activations read and written; constants and tables count in the bytes only.
std::string shapes_text(const Plan& plan, const Step& step) {
  std::string read, written;
  for (const Binding& binding : step.bindings) {
    const PlanBuffer& buffer = plan.buffers[static_cast<size_t>(binding.buffer)];
    if (buffer.kind == Kind::constants || buffer.kind == Kind::table) continue;
    std::string& side = binding.access == Access::read ? read : written;
    if (!side.empty()) side += " ";
    side += tensor_text(plan, buffer);
  }
  return (read.empty() ? "constants" : read) + " -> " + written;
}

std::string spec_text(const Step& step) {
  std::string text;
  for (const SpecConstant& constant : step.spec) text += format(" %u=%u", constant.id, constant.value);
  return text.empty() ? " none" : text;
}

std::string step_text(const Plan& plan, size_t index) {
  const Step& step = plan.steps[index];
  const StepBytes bytes = step_bytes(plan, step);
  const std::string_view kernel = kernel_table()[static_cast<size_t>(step.kernel)].name;
  return format("%4zu  %-28.*s %s: %s | read %llu B, write %llu B | groups %ux%ux%u | spec%s%s\n", index,
                static_cast<int>(kernel.size()), kernel.data(), step.label.c_str(), shapes_text(plan, step).c_str(),
                number(bytes.read), number(bytes.written), step.groups[0], step.groups[1], step.groups[2],
                spec_text(step).c_str(), step.tuned ? " | tuned" : "");
}

}  // namespace

std::string explain(const Plan& plan) {
  std::string text = format("plan for %s: %zu steps\n", plan.device_name.c_str(), plan.steps.size());
  for (size_t i = 0; i < plan.steps.size(); ++i) text += step_text(plan, i);
  uint64_t multiply_adds = 0, tensors = 0;
  for (const Step& step : plan.steps) multiply_adds += step.multiply_adds;
  for (const PlanBuffer& buffer : plan.buffers)
    tensors += buffer.kind == Kind::arena && buffer.part_of < 0 ? buffer.bytes : 0;
  const auto blocks = [&](Kind kind) { return plan.block_bytes[static_cast<size_t>(kind)].size(); };
  text += format("weights      %12llu B in %zu device buffers\n", number(plan.bytes(Kind::constants)),
                 blocks(Kind::constants));
  text += format("activations  %12llu B in %zu device buffers (%llu B of tensors; no layout takes less than %llu B)\n",
                 number(plan.bytes(Kind::arena)), blocks(Kind::arena), number(tensors), number(plan.live_bytes));
  text += format("tables       %12llu B\n", number(plan.bytes(Kind::table)));
  text += format("inputs       %12llu B\n", number(plan.bytes(Kind::input)));
  text += format("outputs      %12llu B\n", number(plan.bytes(Kind::output)));
  text += format("device peak  %12llu B\n", number(plan.device_bytes()));
  text += format("multiply-adds %11llu, %.2f %% of them in integer steps\n", number(multiply_adds),
                 100.0 * plan.integer_share());
  text += format("barriers     %12zu\n",
                 static_cast<size_t>(std::count(plan.barrier_before.begin(), plan.barrier_before.end(), 1)));
  return text;
}

}  // namespace nibble
