#include "nibble/prepare.h"

#include <optional>
#include <thread>

#include "core/try.h"
#include "core/without_exceptions.h"
#include "runtime/session_state.h"

#if defined(__cpp_exceptions)
#include <system_error>
#endif

namespace nibble {

struct PreparationState {
  CompileControl control;
  std::optional<Result<Session>> made;  // by the thread, before `finished`
  std::atomic<bool> finished{false};
  bool taken = false;
  std::thread thread;

  ~PreparationState() {
    control.cancel = true;
    if (thread.joinable()) thread.join();
  }
};

Preparation::Preparation(std::unique_ptr<PreparationState> state) : state_(std::move(state)) {}
Preparation::Preparation(Preparation&&) noexcept = default;
Preparation& Preparation::operator=(Preparation&&) noexcept = default;
Preparation::~Preparation() = default;

Result<Preparation> Preparation::start(const Device& device, const Model& model, const SessionOptions& options,
                                       size_t threads, bool run_once) {
  return without_exceptions([&]() -> Result<Preparation> {
    auto state = std::make_unique<PreparationState>();
    state->control.threads = threads;
    const auto work = [&target = *state, device, model, options, run_once] {
      // Nothing may be thrown out of the thread.
      target.made.emplace(without_exceptions([&]() -> Result<Session> {
        NBL_TRY(Session session, create_session(device, model, options, &target.control));
        if (run_once && !target.control.cancel) {
          NBL_CHECK(session.run());
          session.state().has_run = false;  // its outputs are of no inputs
        }
        return session;
      }));
      target.finished = true;
    };
#if defined(__cpp_exceptions)
    try {
      state->thread = std::thread(work);
    } catch (const std::system_error&) {
      return Error{Code::out_of_memory, "there is no thread to be had for preparing a session"};
    }
#else
    state->thread = std::thread(work);
#endif
    return Preparation(std::move(state));
  });
}

PrepareProgress Preparation::progress() const {
  return {state_->control.done, state_->control.total, state_->finished};
}

Result<Session> Preparation::take() {
  if (state_->taken) return Error{Code::invalid_argument, "take() was called before: it gives its session once"};
  state_->taken = true;
  state_->thread.join();
  return *std::move(state_->made);
}

}  // namespace nibble
