// What a public Session refers to.
#pragma once

#include <memory>

#include "gpu/command.h"
#include "nibble/session.h"
#include "runtime/bound_session.h"

namespace nibble {

struct SessionState {
  // The command lists wait for their runs when they go, so they come last: before the memory that the runs use.
  Device device;
  Model model;
  SessionOptions options;
  KernelOverrides kernels;
  std::unique_ptr<BoundSession> bound;
  gpu::CommandList commands;  // the session's own runs
  gpu::CommandList external;  // recordings into the application's command buffers
  bool recorded = false;      // `commands` holds what `bound` says
  bool has_run = false;       // outputs hold something
  bool lost = false;          // the device is gone for good

  // Records the session's own runs; leaves a recording that fits alone.
  Status record_own();
  // Refuses while a run is in flight, and after the device was lost. `what` is what the caller wants to do.
  Status check_idle(const char* what) const;
  // Remembers that the device was lost when `status` says so.
  template <class R>
  R watch(R result) {
    if (!result && result.error().code == Code::device_lost) lost = true;
    return result;
  }
};

}  // namespace nibble
