#include "runtime/plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/text.h"
#include "core/try.h"
#include "runtime/hazards.h"

namespace nibble {
namespace {

using Kind = PlanBuffer::Kind;

constexpr std::array kKinds = {Kind::arena, Kind::input, Kind::output, Kind::constants, Kind::table};

unsigned long long number(uint64_t value) { return value; }

std::string what_is(const Plan& plan, const PlanBuffer& buffer) {
  if (buffer.kind == Kind::constants) {
    const BlobSpec& blob = plan.blobs[static_cast<size_t>(buffer.blob)];
    if (blob.pieces.empty()) return "a blob of constants";
    return "the constants from '" + plan.graph.desc(blob.pieces[0].tensor).name + "' on";
  }
  if (buffer.kind == Kind::table) return "a table";
  if (buffer.tensor == kNoTensor) return "scratch memory";
  const TensorDesc& desc = plan.graph.desc(buffer.tensor);
  return format("tensor '%s' %s %s", desc.name.c_str(), to_string(desc.type), to_string(desc.shape).c_str());
}

Status check_reach(const Plan& plan, const gpu::Caps& caps) {
  for (const PlanBuffer& buffer : plan.buffers) {
    if (buffer.bytes <= block_limit(caps)) continue;
    return Error{Code::unsupported_device,
                 format("%s needs %llu bytes in one buffer, device '%s' reaches %llu", what_is(plan, buffer).c_str(),
                        number(buffer.bytes), caps.device_name.c_str(), number(block_limit(caps)))};
  }
  return {};
}

// Lowering promises all of this; a broken promise must not reach Vulkan.
Status check_steps(const Plan& plan, const gpu::Caps& caps) {
  const auto broken = [](const Step& step, const std::string& what) {
    return Error{Code::internal, format("step '%s': %s", step.label.c_str(), what.c_str())};
  };
  for (const Step& step : plan.steps) {
    if (step.kernel < 0 || static_cast<size_t>(step.kernel) >= kernel_table().size()) return broken(step, "no kernel");
    if (step.bindings.size() > caps.max_storage_buffers) {
      return broken(step,
                    format("%zu storage buffers, the device has %u", step.bindings.size(), caps.max_storage_buffers));
    }
    for (const Binding& binding : step.bindings) {
      if (binding.buffer < 0 || static_cast<size_t>(binding.buffer) >= plan.buffers.size()) {
        return broken(step, "binds a buffer that does not exist");
      }
    }
    if (step.push.size() * 4 > caps.push_bytes) {
      return broken(step,
                    format("%zu bytes of push constants, the device has %u", step.push.size() * 4, caps.push_bytes));
    }
    for (size_t axis = 0; axis < 3; ++axis) {
      if (step.groups[axis] <= caps.max_workgroup_count[axis]) continue;
      return Error{Code::unsupported_device,
                   format("step '%s' needs %u groups along axis %zu, device '%s' allows %u", step.label.c_str(),
                          step.groups[axis], axis, caps.device_name.c_str(), caps.max_workgroup_count[axis])};
    }
  }
  return {};
}

// The buffer whose memory a buffer lies in: itself, or what it is a part of.
size_t root_of(const Plan& plan, size_t buffer) {
  const BufferId whole = plan.buffers[buffer].part_of;
  return whole >= 0 ? static_cast<size_t>(whole) : buffer;
}

// First and last step of each buffer; first > last for those that no step touches. A part counts for the whole.
std::vector<Lifetime> lifetimes_of(const Plan& plan) {
  std::vector<Lifetime> lives;
  for (const PlanBuffer& buffer : plan.buffers)
    lives.push_back({buffer.bytes, std::numeric_limits<int32_t>::max(), -1});
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const Binding& binding : plan.steps[i].bindings) {
      Lifetime& life = lives[root_of(plan, static_cast<size_t>(binding.buffer))];
      life.first_use = std::min(life.first_use, static_cast<int32_t>(i));
      life.last_use = std::max(life.last_use, static_cast<int32_t>(i));
    }
  }
  return lives;
}

// The buffers of one kind share device buffers: activations by lifetime, everything else side by side.
Status place_kind(Plan& plan, Kind kind, const gpu::Caps& caps, std::span<const Lifetime> lives, bool keep_all) {
  const auto end = static_cast<int32_t>(plan.steps.size());
  std::vector<size_t> members;
  std::vector<Lifetime> lifetimes;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.buffers[i].kind != kind || plan.buffers[i].part_of >= 0) continue;
    Lifetime life = lives[i];
    if (kind == Kind::arena && life.first_use > life.last_use) continue;
    if (kind != Kind::arena) life.first_use = 0;
    if (kind != Kind::arena || keep_all) life.last_use = end;
    members.push_back(i);
    lifetimes.push_back(life);
  }
  NBL_TRY(ArenaLayout layout, plan_arena(lifetimes, buffer_alignment(caps), block_limit(caps)));
  for (size_t i = 0; i < members.size(); ++i) plan.places[members[i]] = layout.places[i];
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.buffers[i].kind != kind || plan.buffers[i].part_of < 0) continue;
    plan.places[i] = plan.places[root_of(plan, i)];
    plan.places[i].offset += plan.buffers[i].offset;
  }
  plan.block_bytes[static_cast<size_t>(kind)] = std::move(layout.block_bytes);
  if (kind == Kind::arena) plan.live_bytes = largest_live_bytes(lifetimes, buffer_alignment(caps));
  return {};
}

// Activations must be written before they are read: everything else is filled before the first run.
Status check_order(const Plan& plan) {
  std::vector<uint8_t> written(plan.buffers.size(), 0);
  for (const Step& step : plan.steps) {
    for (const Binding& binding : step.bindings) {
      const auto buffer = static_cast<size_t>(binding.buffer);
      if (binding.access == Access::read && plan.buffers[buffer].kind == Kind::arena && !written[buffer]) {
        return Error{Code::internal, format("step '%s' reads %s before any step writes it", step.label.c_str(),
                                            what_is(plan, plan.buffers[buffer]).c_str())};
      }
    }
    for (const Binding& binding : step.bindings) {
      if (binding.access != Access::write) continue;
      written[static_cast<size_t>(binding.buffer)] = 1;
      written[root_of(plan, static_cast<size_t>(binding.buffer))] = 1;
    }
  }
  return {};
}

std::vector<uint8_t> barriers_of(const Plan& plan) {
  std::vector<std::vector<Touch>> touches(plan.steps.size());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const Binding& binding : plan.steps[i].bindings) {
      const auto index = static_cast<size_t>(binding.buffer);
      const PlanBuffer& buffer = plan.buffers[index];
      const ArenaPlace& place = plan.places[index];
      // Blocks of one kind are numbered; the kind makes the number unique.
      const int64_t memory =
          int64_t{place.block} * static_cast<int64_t>(kBufferKinds) + static_cast<int64_t>(buffer.kind);
      touches[i].push_back(
          {memory, place.offset + buffer.skew, place.offset + buffer.bytes, binding.access == Access::write});
    }
  }
  return find_barriers(touches);
}

}  // namespace

uint64_t buffer_alignment(const gpu::Caps& caps) {
  return std::max<uint64_t>(caps.offset_alignment, 64);  // a cache line, so that neighbours do not share one
}

uint64_t block_limit(const gpu::Caps& caps) { return std::min(caps.max_buffer_range, caps.max_allocation); }

uint64_t Plan::bytes(PlanBuffer::Kind kind) const {
  const auto& blocks = block_bytes[static_cast<size_t>(kind)];
  return std::accumulate(blocks.begin(), blocks.end(), uint64_t{0});
}

uint64_t Plan::device_bytes() const {
  uint64_t total = 0;
  for (Kind kind : kKinds) total += bytes(kind);
  return total;
}

double Plan::integer_share() const {
  uint64_t all = 0, integer = 0;
  for (const Step& step : steps) {
    all += step.multiply_adds;
    if (step.integer) integer += step.multiply_adds;
  }
  return all == 0 ? 1.0 : static_cast<double>(integer) / static_cast<double>(all);
}

StepBytes step_bytes(const Plan& plan, const Step& step) {
  StepBytes bytes;
  for (size_t i = 0; i < step.bindings.size(); ++i) {
    const Binding& binding = step.bindings[i];
    const auto before = std::span(step.bindings).first(i);
    const bool seen = std::any_of(before.begin(), before.end(), [&](const Binding& other) {
      return other.buffer == binding.buffer && other.access == binding.access;
    });
    if (seen) continue;
    (binding.access == Access::read ? bytes.read : bytes.written) +=
        plan.buffers[static_cast<size_t>(binding.buffer)].bytes;
  }
  return bytes;
}

Result<Plan> make_plan(const Graph& graph, const gpu::Caps& caps, const PlanOptions& options) {
  Plan plan;
  NBL_TRY(plan.graph, bind_dims(graph, options.dims));
  NBL_TRY(LoweredPlan lowered,
          Lowering(plan.graph, caps, options.kernels, options.tuning, options.keep_all ? Fusion{} : fuse(plan.graph))
              .run());
  plan.buffers = std::move(lowered.buffers);
  plan.blobs = std::move(lowered.blobs);
  plan.steps = std::move(lowered.steps);
  plan.tensors = std::move(lowered.tensors);
  plan.choices = std::move(lowered.choices);
  plan.device_name = caps.device_name;
  NBL_CHECK(check_reach(plan, caps));
  NBL_CHECK(check_steps(plan, caps));
  NBL_CHECK(check_order(plan));
  const std::vector<Lifetime> lives = lifetimes_of(plan);
  plan.places.resize(plan.buffers.size());
  for (Kind kind : kKinds) NBL_CHECK(place_kind(plan, kind, caps, lives, options.keep_all));
  plan.barrier_before = barriers_of(plan);
  return plan;
}

}  // namespace nibble
