// Session: runs in slices.
#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "core/without_exceptions.h"
#include "nibble/vulkan.h"
#include "runtime/session_state.h"

namespace nibble {
namespace {

Status prepare(SessionState& state, const char* what, std::chrono::nanoseconds budget) {
  NBL_CHECK(state.check_ready(what));
  if (budget.count() <= 0) {
    return broken_rule(format("%s with a budget of %lld ns", what, static_cast<long long>(budget.count())));
  }
  if (state.slices) return {};
  NBL_TRY(state.slices, Slices::create(state.device.state()->gpu, *state.bound));
  return {};
}

}  // namespace

Result<RunSlice> Session::run_slice(std::chrono::nanoseconds budget) {
  return without_exceptions([&]() -> Result<RunSlice> {
    SessionState& state = *state_;
    NBL_TRY([[maybe_unused]] const SessionCall call, SessionCall::enter(state, "run_slice()"));
    NBL_CHECK(prepare(state, "run_slice()", budget));
    auto slice = state.watch(state.slices->run(*state.bound, static_cast<double>(budget.count())));
    if (slice && slice->finished) state.has_run = true;
    return slice;
  });
}

Status Session::restart_slices() {
  NBL_TRY([[maybe_unused]] const SessionCall call, SessionCall::enter(*state_, "restart_slices()"));
  NBL_CHECK(state_->check_ready("restart_slices()"));
  if (state_->slices) {
    if (state_->slices->open()) state_->has_run = false;  // the outputs may hold something of either run
    state_->slices->restart();
  }
  return {};
}

SliceStatistics Session::slice_statistics() const {
  return state_->slices ? state_->slices->statistics() : SliceStatistics{};
}

Result<RunSlice> record_slice(Session& session, VkCommandBuffer commands, std::chrono::nanoseconds budget,
                              std::chrono::nanoseconds previous) {
  return without_exceptions([&]() -> Result<RunSlice> {
    SessionState& state = session.state();
    NBL_TRY([[maybe_unused]] const SessionCall call, SessionCall::enter(state, "record_slice()"));
    NBL_CHECK(prepare(state, "record_slice()", budget));
    NBL_CHECK(state.check_commands(commands));
    auto slice = state.slices->record(state.device.state()->gpu, *state.bound, state.external, commands,
                                      static_cast<double>(budget.count()), static_cast<double>(previous.count()));
    if (slice && slice->finished) state.has_run = true;
    return slice;
  });
}

}  // namespace nibble
