// Sessions made ahead, so that no frame waits for a compiler.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "nibble/device.h"
#include "nibble/export.h"
#include "nibble/model.h"
#include "nibble/result.h"
#include "nibble/session.h"

namespace nibble {

struct PrepareProgress {
  size_t done = 0, total = 0;  // pipelines to compile; 0 of 0 while planning, and where all are there
  bool finished = false;       // take() does not wait
};

struct PreparationState;  // internal

// Session::create() in a thread of its own. Pipelines of several sessions of one device are compiled one session after
// the other; a session that is made in another thread waits for those that it shares. Move-only.
class NBL_API Preparation {
 public:
  // `threads`: that compile at most; 0: as many as the machine has processors, up to 8. `run_once`: run the session
  // once too, on inputs of zero, because some drivers (llvmpipe among them) compile again when a pipeline first runs.
  // Making a session submits uploads to the device's queue from the thread, and running it the run: an application that
  // uses the queue meanwhile gives ExternalDevice a lock.
  static Result<Preparation> start(const Device& device, const Model& model, const SessionOptions& options = {},
                                   size_t threads = 0, bool run_once = false);
  Preparation(Preparation&&) noexcept;
  Preparation& operator=(Preparation&&) noexcept;
  // Cancels: what is being compiled is finished and kept, the rest is not begun.
  ~Preparation();

  PrepareProgress progress() const;
  // Waits, and gives what Session::create() would have given. Once.
  Result<Session> take();

 private:
  explicit Preparation(std::unique_ptr<PreparationState> state);
  std::unique_ptr<PreparationState> state_;
};

}  // namespace nibble
