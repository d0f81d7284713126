#include "tests/support/step_runner.h"

#include <cstring>
#include <set>

#include "core/text.h"
#include "core/try.h"
#include "gpu/buffer.h"
#include "gpu/command.h"
#include "gpu/pipeline.h"

namespace nibble::test {
namespace {

constexpr uint32_t kPoison = 0x7FC07FC0;            // NaN as fp32 and, twice, as fp16
constexpr uint64_t kTimeout = 300ull * 1000000000;  // ns

using Bytes = std::vector<std::byte>;

// i64 lies on the device as i32.
Bytes device_bytes_of(const TensorDesc& desc, std::span<const std::byte> host, uint64_t size) {
  Bytes out(size);
  if (desc.type != DType::i64) {
    std::memcpy(out.data(), host.data(), std::min<size_t>(host.size(), size));
    return out;
  }
  for (size_t i = 0; i < host.size() / 8; ++i) std::memcpy(out.data() + 4 * i, host.data() + 8 * i, 4);
  return out;
}

Bytes host_bytes_of(const TensorDesc& desc, const Bytes& device) {
  const auto count = static_cast<size_t>(elements(desc.shape).value());
  Bytes out(count * bytes_per_element(desc.type));
  if (desc.type != DType::i64) {
    std::memcpy(out.data(), device.data(), out.size());
    return out;
  }
  for (size_t i = 0; i < count; ++i) {
    int32_t low = 0;
    std::memcpy(&low, device.data() + 4 * i, 4);
    const int64_t value = low;
    std::memcpy(out.data() + 8 * i, &value, 8);
  }
  return out;
}

// What a buffer holds before the first step.
Result<Bytes> contents(const Graph& graph, const LoweredPlan& plan, const PlanBuffer& buffer,
                       const std::vector<Bytes>& feeds) {
  switch (buffer.kind) {
    case PlanBuffer::Kind::constants: return materialize(graph, plan.blobs[static_cast<size_t>(buffer.blob)]);
    case PlanBuffer::Kind::table: {
      const auto bytes = std::as_bytes(std::span(buffer.table));
      return Bytes(bytes.begin(), bytes.end());
    }
    case PlanBuffer::Kind::input:
      for (size_t i = 0; i < graph.inputs.size(); ++i) {
        if (graph.inputs[i] == buffer.tensor) return device_bytes_of(graph.desc(buffer.tensor), feeds[i], buffer.bytes);
      }
      return Error{Code::internal, "an input buffer of a tensor that is no input"};
    default: break;
  }
  Bytes poison(buffer.bytes);
  for (size_t i = 0; i + 4 <= poison.size(); i += 4) std::memcpy(poison.data() + i, &kPoison, 4);
  return poison;
}

Result<gpu::Pipeline> make_pipeline(const gpu::Device& device, const Step& step) {
  const Kernel& kernel = kernel_table()[static_cast<size_t>(step.kernel)];
  std::vector<gpu::SpecConstant> constants;
  for (const SpecConstant& c : step.spec) constants.push_back({c.id, c.value});
  const std::string name(kernel.name);
  NBL_TRY(const std::vector<uint32_t> code, kernel_code(step.kernel));
  return gpu::Pipeline::create(device, {.spirv = code,
                                        .bindings = static_cast<uint32_t>(step.bindings.size()),
                                        .push_bytes = static_cast<uint32_t>(step.push.size() * 4),
                                        .constants = constants,
                                        .name = name.c_str()});
}

}  // namespace

Result<std::vector<Bytes>> run_plan(const gpu::Device& device, const Graph& graph, const LoweredPlan& plan,
                                    const std::vector<Bytes>& feeds) {
  std::vector<gpu::Buffer> buffers;
  for (const PlanBuffer& wanted : plan.buffers) {
    NBL_TRY(Bytes bytes, contents(graph, plan, wanted, feeds));
    // Mapped both ways, whatever the kind: this is about results, not speed.
    NBL_TRY(gpu::Buffer buffer, gpu::Buffer::create(device, wanted.bytes, gpu::BufferPurpose::readback, "test"));
    NBL_CHECK(buffer.write(0, bytes));
    buffers.push_back(std::move(buffer));
  }
  std::vector<gpu::Pipeline> pipelines;
  for (const Step& step : plan.steps) {
    auto pipeline = make_pipeline(device, step);
    if (!pipeline) return std::move(pipeline).error().with_context(step.label);
    pipelines.push_back(*std::move(pipeline));
  }
  NBL_TRY(gpu::CommandList list, gpu::CommandList::create(device, "test"));
  NBL_CHECK(list.begin());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    std::vector<gpu::BufferRange> ranges;
    for (const Binding& b : step.bindings) ranges.push_back(buffers[static_cast<size_t>(b.buffer)].whole());
    list.bind(pipelines[i], ranges);
    list.push(std::as_bytes(std::span(step.push)));
    list.dispatch(step.groups[0], step.groups[1], step.groups[2]);
    list.barrier(gpu::compute, gpu::compute | gpu::host);
  }
  NBL_CHECK(list.finish());
  NBL_CHECK(list.submit());
  NBL_TRY(const bool done, list.wait(kTimeout));
  if (!done) return Error{Code::internal, "the device did not finish in time"};
  std::vector<Bytes> outputs;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.buffers[i].kind != PlanBuffer::Kind::output) continue;
    Bytes bytes(plan.buffers[i].bytes);
    NBL_CHECK(buffers[i].read(0, bytes));
    outputs.push_back(host_bytes_of(graph.desc(plan.buffers[i].tensor), bytes));
  }
  return outputs;
}

std::vector<std::pair<std::string, KernelOverrides>> eligible_rows(const LoweredPlan& plan, const gpu::Caps& caps) {
  std::vector<std::pair<std::string, KernelOverrides>> rows;
  std::set<std::string> seen;
  for (const Step& step : plan.steps) {
    const Kernel& used = kernel_table()[static_cast<size_t>(step.kernel)];
    for (const Kernel& row : kernel_table()) {
      if (row.family != used.family || !(row.key == used.key) || !caps.has(row.needs)) continue;
      if (!seen.insert(std::string(row.name)).second) continue;
      KernelOverrides overrides;
      overrides.family_to_name.emplace_back(to_string(row.family), std::string(row.name));
      rows.emplace_back(std::string(row.name), std::move(overrides));
    }
  }
  return rows;
}

}  // namespace nibble::test
