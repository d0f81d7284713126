// What a public Session refers to.
#pragma once

#include <atomic>
#include <memory>

#include "gpu/command.h"
#include "nibble/session.h"
#include "runtime/bound_session.h"
#include "runtime/slices.h"

namespace nibble {

// Counts a device's sessions.
class SessionCount {
 public:
  explicit SessionCount(OpenDevice& device) : device_(device) { ++device_.sessions; }
  SessionCount(const SessionCount&) = delete;
  SessionCount& operator=(const SessionCount&) = delete;
  ~SessionCount() { --device_.sessions; }

 private:
  OpenDevice& device_;
};

// Session::create(), with an eye on compiling; `control` may be null.
Result<Session> create_session(const Device& device, const Model& model, const SessionOptions& options,
                               CompileControl* control);

struct SessionState {
  // The command lists wait for their runs when they go, so they come last: before the memory that the runs use.
  Device device;
  std::unique_ptr<SessionCount> count;
  Model model;
  SessionOptions options;
  KernelOverrides kernels;
  std::unique_ptr<BoundSession> bound;
  gpu::CommandList commands;                 // the session's own runs
  gpu::CommandList external;                 // recordings into the application's command buffers
  std::unique_ptr<Slices> slices = nullptr;  // made with the first slice
  bool recorded = false;                     // `commands` holds what `bound` says
  bool has_run = false;                      // outputs hold something
  bool lost = false;                         // the device is gone for good
  std::atomic<bool> called = false;          // a thread is in a call; see SessionCall

  // Records the session's own runs; leaves a recording that fits alone.
  Status record_own();
  // Refuses while a run is in flight, and after the device was lost. `what` is what the caller wants to do.
  Status check_ready(const char* what) const;
  // The same, and between the slices of a run.
  Status check_idle(const char* what) const;
  // Refuses a command buffer that cannot be recorded into.
  Status check_commands(VkCommandBuffer commands) const;
  Status submit(std::span<const gpu::SemaphoreUse> wait = {}, std::span<const gpu::SemaphoreUse> signal = {});
  Result<bool> wait(std::chrono::nanoseconds timeout);
  // Remembers that the device was lost when `status` says so.
  template <class R>
  R watch(R result) {
    if (!result && result.error().code == Code::device_lost) lost = true;
    return result;
  }
};

// A public call in progress: two at once are the application's mistake, and are told before they meet in the driver.
class SessionCall {
 public:
  static Result<SessionCall> enter(SessionState& state, const char* what);
  SessionCall(SessionCall&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  SessionCall& operator=(SessionCall&&) = delete;
  ~SessionCall() {
    if (state_) state_->called.store(false, std::memory_order_release);
  }

 private:
  explicit SessionCall(SessionState& state) : state_(&state) {}
  SessionState* state_;
};

// Errors of SessionState::check_idle() and of SessionCall::enter().
#define NBL_SESSION_CALL(state, what)                                                    \
  NBL_TRY([[maybe_unused]] const SessionCall nbl_call, SessionCall::enter(state, what)); \
  NBL_CHECK((state).check_idle(what))

}  // namespace nibble
