#include "runtime/bound_session.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/text.h"
#include "core/try.h"
#include "gpu/staging.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

using Kind = PlanBuffer::Kind;

struct KindMemory {
  Kind kind;
  gpu::BufferPurpose purpose;
  const char* name;
};
constexpr KindMemory kMemory[] = {
    {Kind::table, gpu::BufferPurpose::device_local, "tables"},
    {Kind::arena, gpu::BufferPurpose::device_local, "activations"},
    {Kind::input, gpu::BufferPurpose::upload, "inputs"},
    {Kind::output, gpu::BufferPurpose::readback, "outputs"},
};

Status check_limit(const Plan& plan, uint64_t limit) {
  if (limit == 0 || plan.device_bytes() <= limit) return {};
  return Error{
      Code::out_of_memory,
      format("the model needs %llu bytes on the device (weights %llu, activations %llu), the limit is %llu",
             static_cast<unsigned long long>(plan.device_bytes()),
             static_cast<unsigned long long>(plan.bytes(Kind::constants)),
             static_cast<unsigned long long>(plan.bytes(Kind::arena)), static_cast<unsigned long long>(limit))};
}

Status allocate(BoundSession& bound, const gpu::Device& device) {
  for (const KindMemory& memory : kMemory) {
    const auto kind = static_cast<size_t>(memory.kind);
    for (uint64_t bytes : bound.plan.block_bytes[kind]) {
      NBL_TRY(gpu::Buffer buffer, gpu::Buffer::create(device, bytes, memory.purpose, memory.name));
      bound.memory[kind].push_back(std::move(buffer));
    }
  }
  for (const gpu::Buffer& buffer : bound.memory[static_cast<size_t>(Kind::input)]) {
    if (!buffer.mapped()) return Error{Code::internal, "the memory of inputs is not visible to the host"};
    std::memset(buffer.mapped(), 0, buffer.bytes());
    NBL_CHECK(buffer.flush(0, buffer.bytes()));
  }
  return {};
}

Status upload_tables(BoundSession& bound, const gpu::Device& device) {
  if (bound.plan.bytes(Kind::table) == 0) return {};
  NBL_TRY(gpu::Staging staging, gpu::Staging::create(device, kStagingBytes));
  for (size_t i = 0; i < bound.plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = bound.plan.buffers[i];
    if (buffer.kind != Kind::table) continue;
    const auto id = static_cast<BufferId>(i);
    if (buffer.table.size() * 4 > buffer.bytes) return Error{Code::internal, "a table is larger than its buffer"};
    NBL_CHECK(staging.upload(std::as_bytes(std::span(buffer.table)), bound.memory_of(id), bound.offset_of(id)));
  }
  return {};
}

void set_ranges(BoundSession& bound) {
  for (size_t i = 0; i < bound.plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = bound.plan.buffers[i];
    const auto id = static_cast<BufferId>(i);
    if (buffer.kind == Kind::constants) {
      bound.own_ranges.push_back(bound.weights.blobs[static_cast<size_t>(buffer.blob)].range);
    } else if (bound.memory[static_cast<size_t>(buffer.kind)].empty()) {
      bound.own_ranges.push_back({});  // an activation that no step touches, in a plan without any other
    } else {
      bound.own_ranges.push_back(bound.memory_of(id).range(bound.offset_of(id), buffer.bytes));
    }
  }
  bound.ranges = bound.own_ranges;
}

Status find_edges(const Plan& plan, Kind kind, const std::vector<TensorId>& tensors, std::vector<EdgeTensor>& edges,
                  std::vector<TensorInfo>& infos) {
  std::map<TensorId, BufferId> buffers;  // the first of each tensor
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.buffers[i].kind == kind) buffers.emplace(plan.buffers[i].tensor, static_cast<BufferId>(i));
  }
  for (TensorId tensor : tensors) {
    EdgeTensor edge;
    if (const auto found = buffers.find(tensor); found != buffers.end()) edge.buffer = found->second;
    infos.push_back(tensor_info(plan.graph.desc(tensor), {}));
    const TensorInfo& info = infos.back();
    if (edge.buffer < 0 && kind == Kind::output) {
      return Error{Code::internal, "the plan has no buffer for output '" + info.name + "'"};
    }
    const int64_t words = storage_words(info.type, info.shape, Layout{});
    if (edge.buffer >= 0 && plan.buffers[static_cast<size_t>(edge.buffer)].bytes < static_cast<uint64_t>(words) * 4) {
      return Error{Code::internal, "the plan's buffer is too small for '" + info.name + "'"};
    }
    edges.push_back(std::move(edge));
  }
  return {};
}

}  // namespace

const gpu::Buffer& BoundSession::memory_of(BufferId buffer) const {
  const auto index = static_cast<size_t>(buffer);
  const auto kind = static_cast<size_t>(plan.buffers[index].kind);
  return memory[kind][static_cast<size_t>(plan.places[index].block)];
}

uint64_t BoundSession::bytes_of(PlanBuffer::Kind kind) const {
  if (kind == Kind::constants) return weights.bytes;
  uint64_t bytes = 0;
  for (const gpu::Buffer& buffer : memory[static_cast<size_t>(kind)]) bytes += buffer.bytes();
  return bytes;
}

void BoundSession::refresh(const EdgeTensor& edge) {
  if (edge.buffer < 0) return;
  const auto index = static_cast<size_t>(edge.buffer);
  ranges[index] = edge.external ? edge.range : (edge.image ? edge.image->tensor() : own_ranges[index]);
  ranges[index].bytes = plan.buffers[index].bytes;
}

bool BoundSession::has_images() const {
  const auto has = [](const EdgeTensor& edge) { return edge.image != nullptr; };
  return std::any_of(input_edges.begin(), input_edges.end(), has) ||
         std::any_of(output_edges.begin(), output_edges.end(), has);
}

void BoundSession::record_images(gpu::CommandList& commands, RecordedFor whom, bool of_outputs) const {
  for (const EdgeTensor& edge : of_outputs ? output_edges : input_edges) {
    if (!edge.image) continue;
    // What an earlier port, the last step or an earlier run did with the memory in between.
    commands.barrier(gpu::compute | gpu::transfer, gpu::compute | gpu::transfer);
    edge.image->record(commands, ranges[static_cast<size_t>(edge.buffer)], whom);
  }
}

void BoundSession::record(gpu::CommandList& commands, RecordedFor whom) const {
  record_images(commands, whom, false);
  Resources used = resources();
  if (whom != RecordedFor::run) used.timer = nullptr;  // its slots belong to the session's own runs
  record_steps(commands, plan, used);
  record_images(commands, whom, true);
}

Result<EdgeTensor*> find_edge(BoundSession& bound, std::string_view name) {
  if (auto input = find_tensor(bound.inputs, name, "input"); input && !name.empty()) return &bound.input_edges[*input];
  if (auto output = find_tensor(bound.outputs, name, "output"); output && !name.empty())
    return &bound.output_edges[*output];
  return Error{Code::not_found,
               format("there is no input or output '%s'; the model has the inputs %s and the outputs %s",
                      std::string(name).c_str(), describe(bound.inputs).c_str(), describe(bound.outputs).c_str())};
}

Result<std::unique_ptr<BoundSession>> BoundSession::create(const std::shared_ptr<OpenDevice>& device,
                                                           const ModelState& model, const SessionOptions& options,
                                                           const KernelOverrides& kernels, const DimBindings& dims,
                                                           const Tuning& tuning, CompileControl* control) {
  auto bound = std::make_unique<BoundSession>();
  NBL_TRY(bound->plan, make_plan(model.graph, device->caps(), {dims, kernels, options.keep_all, tuning}));
  const Plan& plan = bound->plan;
  NBL_CHECK(check_limit(plan, options.memory_limit));
  NBL_CHECK(model.weights.check_fits(device, plan));
  NBL_CHECK(find_edges(plan, Kind::input, plan.graph.inputs, bound->input_edges, bound->inputs));
  NBL_CHECK(find_edges(plan, Kind::output, plan.graph.outputs, bound->output_edges, bound->outputs));
  for (size_t i = 0; i < bound->inputs.size(); ++i) bound->inputs[i].dims = model.inputs[i].dims;
  for (size_t i = 0; i < bound->outputs.size(); ++i) bound->outputs[i].dims = model.outputs[i].dims;
  NBL_TRY(bound->pipelines, device->pipelines.get(device->gpu, plan.steps, control));
  NBL_CHECK(allocate(*bound, device->gpu));  // first, so that nothing is uploaded when it fails
  NBL_TRY(bound->weights, model.weights.acquire(device, plan));
  NBL_CHECK(upload_tables(*bound, device->gpu));
  set_ranges(*bound);
  if (options.profile) {
    NBL_TRY(bound->timer, gpu::Timer::create(device->gpu, static_cast<uint32_t>(plan.steps.size() + 1)));
  }
  return bound;
}

}  // namespace nibble
