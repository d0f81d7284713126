#include "runtime/slices.h"

#include <algorithm>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "runtime/step_pieces.h"

namespace nibble {
namespace {

std::chrono::nanoseconds nanoseconds(double ns) { return std::chrono::nanoseconds(static_cast<int64_t>(ns)); }

// Only proportions count, and those only until a step was measured.
std::vector<double> work_of(const BoundSession& bound) {
  const auto image_work = [&](const std::vector<EdgeTensor>& edges) {
    double work = 0;
    for (const EdgeTensor& edge : edges) {
      if (edge.image) work += static_cast<double>(bound.plan.buffers[static_cast<size_t>(edge.buffer)].bytes) * 4 + 1;
    }
    return work;
  };
  std::vector<double> work = {image_work(bound.input_edges)};
  for (const Step& step : bound.plan.steps) {
    const StepBytes bytes = step_bytes(bound.plan, step);
    work.push_back(1 + static_cast<double>(step.multiply_adds) / 8 +
                   static_cast<double>(bytes.read + bytes.written) / 4);
  }
  work.push_back(image_work(bound.output_edges));
  return work;
}

// Images are read and written as a whole.
std::vector<uint32_t> pieces_of(const BoundSession& bound) {
  std::vector<uint32_t> pieces = {1};
  for (const Step& step : bound.plan.steps) pieces.push_back(most_pieces(step));
  pieces.push_back(1);
  return pieces;
}

}  // namespace

Result<std::unique_ptr<Slices>> Slices::create(const gpu::Device& device, const BoundSession& bound) {
  SliceClock clock(work_of(bound), pieces_of(bound));
  NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device, "slice"));
  const auto slots = static_cast<uint32_t>((clock.parts() + 1) * (kSlicesInFlight + 1));
  NBL_TRY(gpu::Timer timer, gpu::Timer::create(device, slots));
  const bool stamps = timer.handle() && device.state().events;
  return std::unique_ptr<Slices>(new Slices(std::move(clock), std::move(commands), std::move(timer), stamps));
}

Status Slices::check_kind(bool by_application) const {
  if (!open() || by_application == by_application_) return {};
  return broken_rule(std::string("this run's slices are ") +
                     (by_application_ ? "recorded by the application" : "run by run_slice()") +
                     ": go on so, or restart_slices()");
}

Slices::Section Slices::plan(double budget_ns, SliceClock::Unknown unknown) const {
  return {next_, clock_.fit(next_, budget_ns, unknown), budget_ns, true};
}

RunSlice Slices::describe(const Section& section) const {
  RunSlice slice;
  slice.first = section.first.part;
  slice.count = section.end.part - section.first.part;
  slice.total = clock_.parts();
  slice.finished = section.end.part == slice.total;
  slice.predicted = nanoseconds(clock_.predict(section.first, section.end));
  return slice;
}

// Once, and by the application's own commands: nothing is submitted or waited for within its frame.
void Slices::clear_slots(gpu::CommandList& commands) const {
  if (clearing_ || !stamps_) return;
  commands.reset(timer_, 0, slot_of(kSlicesInFlight));
  commands.set(cleared_);
}

void Slices::record_parts(gpu::CommandList& commands, const BoundSession& bound, const Section& section, size_t index,
                          RecordedFor whom) const {
  uint32_t slot = slot_of(index);
  const Resources resources = bound.resources();
  const auto parts = parts_between(clock_, section.first, section.end);
  // After the slice before this one, and after earlier runs.
  commands.barrier(gpu::compute, gpu::compute);
  commands.reset(timer_, slot, static_cast<uint32_t>(parts.size() + 1));
  commands.timestamp(timer_, slot++);
  for (const SlicePart& part : parts) {
    if (part.part == 0 || part.part == clock_.parts() - 1) {
      bound.record_images(commands, whom, part.part > 0);
      if (part.part == 0 && bound.has_images()) commands.barrier(gpu::compute, gpu::compute);
    } else {
      record_step(commands, bound.plan, resources, part.part - 1, {part.first, part.pieces, clock_.pieces(part.part)});
    }
    commands.timestamp(timer_, slot++);
  }
}

void Slices::measured(const Section& section, double ns) {
  ++slices_;
  longest_ns_ = std::max(longest_ns_, ns);
  worst_overshoot_ns_ = std::max(worst_overshoot_ns_, ns - section.budget_ns);
}

Result<bool> Slices::collect(Section& section, size_t index) {
  if (!section.pending || !timer_.handle()) return false;
  if (index < kSlicesInFlight && !slots_clear_) {
    if (stamps_) {
      NBL_TRY(slots_clear_, cleared_.passed());
    }
    if (!slots_clear_) return false;
  }
  const auto parts = parts_between(clock_, section.first, section.end);
  uint64_t origin = 0;
  NBL_TRY(const auto stamps, timer_.read(slot_of(index), static_cast<uint32_t>(parts.size() + 1), &origin));
  if (std::any_of(stamps.begin(), stamps.end(), [](const auto& stamp) { return !stamp; })) return false;
  // The stamps of the slice that had these slots before stay until the device gets to this one's reset.
  if (seen_[index] == origin) return false;
  seen_[index] = origin;
  section.pending = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint64_t begin = *stamps[i], end = std::max(*stamps[i + 1], begin);
    clock_.measured(parts[i].part, parts[i].pieces, static_cast<double>(end - begin));
  }
  measured(section, static_cast<double>(*stamps.back()));
  return true;
}

Result<RunSlice> Slices::run(const BoundSession& bound, double budget_ns) {
  NBL_CHECK(check_kind(false));
  Section& section = sections_[kSlicesInFlight];
  section = {};
  const Section planned = plan(budget_ns, SliceClock::Unknown::piece);
  RunSlice slice = describe(planned);
  NBL_CHECK(commands_.begin());
  record_parts(commands_, bound, planned, kSlicesInFlight, RecordedFor::slice);
  if (slice.finished) commands_.barrier(gpu::compute, gpu::host);
  NBL_CHECK(commands_.finish());
  section = planned;
  const auto start = std::chrono::steady_clock::now();
  NBL_CHECK(commands_.submit());
  NBL_TRY([[maybe_unused]] const bool done, commands_.wait(UINT64_MAX));
  slice.took = std::chrono::steady_clock::now() - start;
  NBL_TRY(const bool stamped, collect(section, kSlicesInFlight));
  if (stamped) {
    const auto slots = static_cast<uint32_t>(parts_between(clock_, section.first, section.end).size() + 1);
    NBL_TRY(const auto stamps, timer_.read(slot_of(kSlicesInFlight), slots));
    slice.took = std::chrono::nanoseconds(*stamps.back());
  } else {
    const auto ns = static_cast<double>(slice.took.count());
    clock_.measured(section.first, section.end, ns);
    measured(section, ns);
  }
  by_application_ = false;
  advance(section);
  return slice;
}

Result<RunSlice> Slices::record(const gpu::Device& device, const BoundSession& bound, gpu::CommandList& external,
                                VkCommandBuffer commands, double budget_ns, double previous_ns) {
  NBL_CHECK(check_kind(true));
  if (stamps_ && !cleared_.handle()) {
    NBL_TRY(cleared_, gpu::Event::create(device));
  }
  for (size_t i = 0; i < kSlicesInFlight; ++i) {
    NBL_TRY([[maybe_unused]] const bool known, collect(sections_[i], i));
  }
  Section& last = sections_[(recorded_ + kSlicesInFlight - 1) % kSlicesInFlight];
  if (!stamps_ && last.pending && previous_ns > 0) {
    clock_.measured(last.first, last.end, previous_ns);
    measured(last, previous_ns);
    last.pending = false;
  }
  const size_t index = recorded_ % kSlicesInFlight;
  const bool timed = stamps_ || previous_ns > 0;
  const Section planned = plan(budget_ns, timed ? SliceClock::Unknown::piece : SliceClock::Unknown::part);
  const RunSlice slice = describe(planned);
  NBL_CHECK(external.begin_external(commands));
  clear_slots(external);
  record_parts(external, bound, planned, index, RecordedFor::application);
  NBL_CHECK(external.finish());
  clearing_ = true;
  sections_[index] = planned;
  ++recorded_;
  by_application_ = true;
  advance(sections_[index]);
  return slice;
}

SliceStatistics Slices::statistics() const {
  SliceStatistics out;
  out.slices = slices_;
  out.longest = nanoseconds(longest_ns_);
  out.worst_overshoot = nanoseconds(worst_overshoot_ns_);
  double longest = 0;
  for (size_t i = 0; i < clock_.parts(); ++i) {
    if (clock_.known(i)) longest = std::max(longest, clock_.predict_piece(i));
  }
  out.longest_step = nanoseconds(longest);
  return out;
}

}  // namespace nibble
