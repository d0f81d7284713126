#include "nibble/session.h"

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "core/without_exceptions.h"
#include "gpu/platform.h"
#include "runtime/session_state.h"

namespace nibble {

namespace {

using Kind = PlanBuffer::Kind;

std::shared_ptr<const Choices> choices_for(const OpenDevice& device, const SessionOptions& options) {
  return options.tuned ? device.tuning.choices() : nullptr;
}

}  // namespace

Status SessionState::check_ready(const char* what) const {
  if (lost) return Error{Code::device_lost, "the device was lost: make a new Device and Session"};
  if (!commands.running()) return {};
  return broken_rule(std::string(what) + " while a run is in flight: wait() first");
}

Status SessionState::check_idle(const char* what) const {
  NBL_CHECK(check_ready(what));
  if (!slices || !slices->open()) return {};
  return broken_rule(
      format("%s between the slices of a run, of which %zu of %zu steps are done: finish it, "
             "or restart_slices()",
             what, slices->next(), slices->total()));
}

Result<SessionCall> SessionCall::enter(SessionState& state, const char* what) {
  if (!state.called.exchange(true, std::memory_order_acquire)) return SessionCall(state);
  return broken_rule(std::string(what) +
                     " while another thread is in a call of this session: a session belongs to one thread "
                     "at a time; give each thread one of its own");
}

Status SessionState::record_own() {
  if (recorded) return {};
  NBL_CHECK(commands.begin());
  bound->record(commands, RecordedFor::run);
  if (!bound->plan.steps.empty()) commands.barrier(gpu::compute, gpu::host);
  NBL_CHECK(commands.finish());
  recorded = true;
  return {};
}

Session::Session(std::unique_ptr<SessionState> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Device& device, const Model& model, const SessionOptions& options) {
  return create_session(device, model, options, nullptr);
}

Result<Session> create_session(const Device& device, const Model& model, const SessionOptions& options,
                               CompileControl* control) {
  return without_exceptions([&]() -> Result<Session> {
    const std::string kernels = options.kernels.empty() ? gpu::environment("NIBBLE_KERNEL") : options.kernels;
    // Counted first, so that a release() meanwhile sees it.
    auto count = std::make_unique<SessionCount>(*device.state());
    NBL_CHECK(device.state()->check_open());
    NBL_TRY(KernelOverrides overrides, KernelOverrides::parse(kernels));
    const gpu::Device& gpu = device.state()->gpu;
    const auto choices = choices_for(*device.state(), options);
    NBL_TRY(auto bound, BoundSession::create(device.state(), *model.state(), options, overrides, options.dims,
                                             {choices.get()}, control));
    NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(gpu, "session"));
    NBL_TRY(gpu::CommandList external, gpu::CommandList::create(gpu, "session of an application's frame"));
    std::unique_ptr<SessionState> state(new SessionState{device, std::move(count), model, options, std::move(overrides),
                                                         std::move(bound), std::move(commands), std::move(external)});
    NBL_CHECK(state->record_own());
    return Session(std::move(state));
  });
}

const std::vector<TensorInfo>& Session::inputs() const { return state_->bound->inputs; }
const std::vector<TensorInfo>& Session::outputs() const { return state_->bound->outputs; }

Status SessionState::submit(std::span<const gpu::SemaphoreUse> wait, std::span<const gpu::SemaphoreUse> signal) {
  NBL_CHECK(record_own());
  NBL_CHECK(watch(commands.submit(wait, signal)));
  has_run = bound->timed = true;
  return {};
}

Status SessionState::check_commands(VkCommandBuffer given) const {
  if (!given) return broken_rule("the command buffer is null");
  return device.state()->gpu.check_owner(given, "the command buffer");
}

Result<bool> SessionState::wait(std::chrono::nanoseconds timeout) {
  if (lost) return check_ready("wait()").error();
  const auto ns = timeout.count() < 0 ? 0 : static_cast<uint64_t>(timeout.count());
  // Vulkan's own endless wait, so that a driver need not add this to its clock.
  return watch(commands.wait(timeout == std::chrono::nanoseconds::max() ? UINT64_MAX : ns));
}

Status Session::submit() {
  NBL_SESSION_CALL(*state_, "submit()");
  return state_->submit();
}

Result<bool> Session::wait(std::chrono::nanoseconds timeout) {
  NBL_TRY([[maybe_unused]] const SessionCall call, SessionCall::enter(*state_, "wait()"));
  return state_->wait(timeout);
}

Status Session::run() {
  NBL_SESSION_CALL(*state_, "run()");
  NBL_CHECK(state_->submit());
  NBL_TRY([[maybe_unused]] const bool done, state_->wait(std::chrono::nanoseconds::max()));
  return {};
}

Status Session::bind_dims(const std::map<std::string, int64_t>& dims) {
  return without_exceptions([&]() -> Status {
    SessionState& state = *state_;
    NBL_SESSION_CALL(state, "bind_dims()");
    const auto choices = choices_for(*state.device.state(), state.options);
    NBL_TRY(auto bound,
            state.watch(BoundSession::create(state.device.state(), *state.model.state(), state.options, state.kernels,
                                             dims, {choices.get(), nullptr, &state.bound->plan.choices})));
    std::swap(state.bound, bound);
    state.recorded = false;
    if (Status recorded = state.record_own(); !recorded) {
      std::swap(state.bound, bound);  // the next run records the former plan again
      return recorded;
    }
    state.external.reset_descriptors();
    state.slices.reset();
    state.has_run = false;
    return {};
  });
}

Result<std::vector<StepTime>> Session::profile() const {
  NBL_SESSION_CALL(*state_, "profile()");
  const BoundSession& bound = *state_->bound;
  std::vector<StepTime> times;
  if (bound.timer.slots() == 0 || !bound.timed || !state_->has_run) return times;
  NBL_TRY(const auto stamps, bound.timer.read());
  if (stamps.size() <= bound.plan.steps.size()) return times;
  for (size_t i = 0; i < bound.plan.steps.size(); ++i) {
    const Step& step = bound.plan.steps[i];
    const uint64_t begin = stamps[i].value_or(0), end = stamps[i + 1].value_or(begin);
    const std::string_view kernel = kernel_table()[static_cast<size_t>(step.kernel)].name;
    times.push_back({step.label, std::string(kernel), end > begin ? end - begin : 0});
  }
  return times;
}

MemoryUse Session::memory() const {
  const BoundSession& bound = *state_->bound;
  return {bound.bytes_of(Kind::constants), bound.bytes_of(Kind::arena), bound.bytes_of(Kind::table),
          bound.bytes_of(Kind::input), bound.bytes_of(Kind::output)};
}

std::string Session::plan_text() const { return explain(state_->bound->plan); }

}  // namespace nibble
