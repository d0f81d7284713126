// A run in parts: Session::run_slice() and record_slice().
#pragma once

#include <array>

#include "gpu/command.h"
#include "gpu/event.h"
#include "gpu/timer.h"
#include "nibble/session.h"
#include "nibble/vulkan.h"
#include "runtime/bound_session.h"
#include "runtime/slice_clock.h"

namespace nibble {

class Slices {
 public:
  static Result<std::unique_ptr<Slices>> create(const gpu::Device& device, const BoundSession& bound);

  // Whether a run has begun and not ended.
  bool open() const { return next_ != SlicePoint{}; }
  size_t next() const { return next_.part; }
  size_t total() const { return clock_.parts(); }
  // What was recorded of the run may never be submitted.
  void restart() {
    next_ = {};
    if (!slots_clear_) clearing_ = false;
  }
  SliceStatistics statistics() const;

  Result<RunSlice> run(const BoundSession& bound, double budget_ns);
  Result<RunSlice> record(const gpu::Device& device, const BoundSession& bound, gpu::CommandList& external,
                          VkCommandBuffer commands, double budget_ns, double previous_ns);

 private:
  // What was recorded with time stamps from `slot` on.
  struct Section {
    SlicePoint first, end;
    double budget_ns = 0;
    bool pending = false;
  };
  Slices(SliceClock clock, gpu::CommandList commands, gpu::Timer timer, bool stamps)
      : clock_(std::move(clock)), commands_(std::move(commands)), timer_(std::move(timer)), stamps_(stamps) {}

  Status check_kind(bool by_application) const;
  uint32_t slot_of(size_t section) const { return static_cast<uint32_t>(section * (clock_.parts() + 1)); }
  Section plan(double budget_ns, SliceClock::Unknown unknown) const;
  RunSlice describe(const Section& section) const;
  void clear_slots(gpu::CommandList& commands) const;
  void record_parts(gpu::CommandList& commands, const BoundSession& bound, const Section& section, size_t index,
                    RecordedFor whom) const;
  // Reads the time stamps of a section that has run. False where they are not there (yet).
  Result<bool> collect(Section& section, size_t index);
  void measured(const Section& section, double ns);
  void advance(const Section& section) { next_ = section.end.part == clock_.parts() ? SlicePoint{} : section.end; }

  SliceClock clock_;
  gpu::CommandList commands_;
  gpu::Timer timer_;
  bool stamps_;  // those of the application's slices can be read
  // Slots that were never reset must not be read: this follows the first reset of those of the application's slices.
  gpu::Event cleared_;
  bool clearing_ = false, slots_clear_ = false;  // recorded; seen to have run
  SlicePoint next_;
  bool by_application_ = false;                          // who runs the slices of the open run
  std::array<Section, kSlicesInFlight + 1> sections_{};  // the last is that of run()
  std::array<uint64_t, kSlicesInFlight + 1> seen_{};     // where the stamps last taken from each began, in ticks
  size_t recorded_ = 0;                                  // by the application
  uint64_t slices_ = 0;
  double longest_ns_ = 0, worst_overshoot_ns_ = 0;
};

}  // namespace nibble
