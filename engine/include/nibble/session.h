// Runs a model on a device, with memory of its own for inputs, outputs and everything between.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nibble/device.h"
#include "nibble/export.h"
#include "nibble/model.h"
#include "nibble/result.h"
#include "nibble/tensor.h"

namespace nibble {

struct SessionOptions {
  // Sizes of free dimensions, by name; those not given are 1.
  std::map<std::string, int64_t> dims;
  // Refuse to allocate when weights, activations, inputs and outputs together need more device bytes. 0: no limit.
  uint64_t memory_limit = 0;
  // Measure each step on the device; see Session::profile().
  bool profile = false;
  // Give every tensor its own memory and fuse nothing, so that read_tensor() works for all of them after a run.
  bool keep_all = false;
  // Use what tune() measured on this device, in this run or a former one; see tune.h.
  bool tuned = true;
  // Force kernels: "conv2d=conv2d_w8_i8_shift,matmul=...". Empty: the environment variable NIBBLE_KERNEL.
  std::string kernels;
};

// Bytes that were allocated on the device. Weights are shared by the sessions of one model on one device: each reports
// them in full.
struct MemoryUse {
  uint64_t weights = 0;
  uint64_t activations = 0;
  uint64_t tables = 0;  // numbers that depend on the bound sizes
  uint64_t inputs = 0;
  uint64_t outputs = 0;
  uint64_t total() const { return weights + activations + tables + inputs + outputs; }
};

struct StepTime {
  std::string label;   // the node: "conv1", or what is moved: "conv1: repack input"
  std::string kernel;  // "conv2d_w8_i8_shift"
  uint64_t ns = 0;
};

struct TensorValues {
  TensorInfo info;
  std::vector<std::byte> bytes;  // row-major without gaps, elements of type info.type
};

// A part of a run. Steps are those of plan_text(), with one more in front for images that are inputs and one behind for
// images that are outputs. A slice may begin and end within a step: `first` steps were done before it, and it finishes
// `count` more, which may be none.
struct RunSlice {
  size_t first = 0, count = 0, total = 0;  // steps
  bool finished = false;                   // it was the last of its run: outputs are there once it has run
  std::chrono::nanoseconds predicted{0};   // from earlier measurements; 0 where there are none
  std::chrono::nanoseconds took{0};        // run_slice() only
};

// Of the slices that were measured since the sizes or images were bound.
struct SliceStatistics {
  uint64_t slices = 0;
  std::chrono::nanoseconds longest{0};
  std::chrono::nanoseconds worst_overshoot{0};  // beyond the slice's budget
  // The longest step or, of one that slices divide, the longest piece, as it is known: a budget below this cannot be
  // kept.
  std::chrono::nanoseconds longest_step{0};
};

struct SessionState;  // internal

// Move-only. Belongs to one thread at a time; different sessions may run in different threads, also on one device.
class NBL_API Session {
 public:
  // Plans, compiles and uploads what other sessions of the model and the device have not yet. out_of_memory with both
  // numbers, before any of that, when the plan needs more than the limit or than the device has left.
  static Result<Session> create(const Device& device, const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();  // waits for work in flight

  // With the sizes that are bound now.
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  // Copies values in row-major order into the input. Type and number of elements must be those of the input: uint8_t is
  // u8 or boolean, uint16_t the bits of f16; values of int64_t must fit in 32 bits. An empty name means the only input.
  // Inputs keep their values between runs and are zero at first.
  Status write(std::string_view name, std::span<const float> values);
  Status write(std::string_view name, std::span<const uint16_t> values);
  Status write(std::string_view name, std::span<const int8_t> values);
  Status write(std::string_view name, std::span<const uint8_t> values);
  Status write(std::string_view name, std::span<const int32_t> values);
  Status write(std::string_view name, std::span<const int64_t> values);

  // Copies an output's values after run() or wait(), by the same rules.
  Status read(std::string_view name, std::span<float> values) const;
  Status read(std::string_view name, std::span<uint16_t> values) const;
  Status read(std::string_view name, std::span<int8_t> values) const;
  Status read(std::string_view name, std::span<uint8_t> values) const;
  Status read(std::string_view name, std::span<int32_t> values) const;
  Status read(std::string_view name, std::span<int64_t> values) const;

  // Runs and waits. Allocates nothing, neither here nor on the device.
  Status run();
  // Starts a run; write(), read(), submit() and bind_dims() are refused until wait() has returned true.
  Status submit();
  // True when nothing runs any more, false when the time was over first.
  Result<bool> wait(std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max());

  // Runs as many further steps as fit into the budget and waits for them; call it, frame by frame, until `finished`.
  // The outputs then have the same bits as after run(). A step that is too long is divided, by its workgroups, into up
  // to 256 pieces; a slice has at least a piece. How long steps take is measured as they run: by time stamps, or by the
  // host's clock where the device has none. While no step was measured a slice is one piece.
  //
  // Between the first slice and the last the session's inputs and outputs belong to the run: write(), read(), run(),
  // submit(), bind_dims() and binding are refused, and what is in a bound buffer must not change either. A bound image
  // that is an input is read by the first slice only, one that is an output is written by the last only.
  Result<RunSlice> run_slice(std::chrono::nanoseconds budget);
  // Gives up the run that slices have begun, if any; the next slice begins anew.
  Status restart_slices();
  SliceStatistics slice_statistics() const;

  // Other sizes for free dimensions (those not given become 1): plans again and keeps weights and pipelines. Tiles are
  // kept too while a layer grows or shrinks by no more than four times, so that nothing is compiled; beyond that
  // something may be. Inputs become zero. On failure the session stays as it was, so memory of both sizes is held for a
  // moment.
  Status bind_dims(const std::map<std::string, int64_t>& dims);

  // Times of the last run, in the order of execution; empty without SessionOptions::profile, before the first run, and
  // where the device has no timestamps.
  Result<std::vector<StepTime>> profile() const;
  MemoryUse memory() const;
  // What runs: one line a step, then totals.
  std::string plan_text() const;

  // Any tensor of the network by name, as the last run left it. Needs SessionOptions::keep_all, except for inputs,
  // outputs and constants in plain order. Quantized tensors give their stored integers.
  Result<TensorValues> read_tensor(std::string_view name) const;
  // Names that read_tensor() knows, in the order of the network.
  std::vector<std::string> tensor_names() const;

  SessionState& state() { return *state_; }
  explicit Session(std::unique_ptr<SessionState> state);  // internal

 private:
  std::unique_ptr<SessionState> state_;
};

}  // namespace nibble
