// The part of a session that depends on bound dimensions: the plan and its memory. bind_dims() makes a new one beside
// the old one and swaps them.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "gpu/buffer.h"
#include "gpu/timer.h"
#include "nibble/session.h"
#include "runtime/image_port.h"
#include "runtime/model_internal.h"
#include "runtime/open_device.h"
#include "runtime/plan.h"
#include "runtime/recorder.h"
#include "runtime/weights.h"

namespace nibble {

// An input or output: the buffer of the plan, -1 for an input that nothing reads.
struct EdgeTensor {
  BufferId buffer = -1;
  bool external = false;             // the application's memory is bound in place of the session's
  gpu::BufferRange range;            // of that memory
  std::unique_ptr<ImagePort> image;  // the application's image; null for none
};

struct BoundSession {
  Plan plan;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<EdgeTensor> input_edges, output_edges;  // parallel to inputs and outputs
  SessionWeights weights;
  std::array<std::vector<gpu::Buffer>, kBufferKinds> memory;  // constants: empty, they are in `weights`
  std::vector<gpu::BufferRange> own_ranges;                   // of each buffer of the plan
  std::vector<gpu::BufferRange> ranges;                       // the same, with the application's buffers in place
  std::vector<const gpu::Pipeline*> pipelines;
  gpu::Timer timer;    // without slots unless the session profiles
  bool timed = false;  // the timer was reset and written: by a whole run or recording, not by slices

  // Plans, checks the memory limit, compiles, uploads, allocates. Errors leave nothing behind. `tuning` is not needed
  // afterwards.
  static Result<std::unique_ptr<BoundSession>> create(const std::shared_ptr<OpenDevice>& device,
                                                      const ModelState& model, const SessionOptions& options,
                                                      const KernelOverrides& kernels, const DimBindings& dims,
                                                      const Tuning& tuning, CompileControl* control = nullptr);

  // Where a buffer of kind input, output, arena or table lies.
  const gpu::Buffer& memory_of(BufferId buffer) const;
  uint64_t offset_of(BufferId buffer) const { return plan.places[static_cast<size_t>(buffer)].offset; }
  uint64_t bytes_of(PlanBuffer::Kind kind) const;
  // After what is bound to an input or output has changed.
  void refresh(const EdgeTensor& edge);
  // Everything that a run does: images in, all steps, images out. Between begin and finish of `commands`, after
  // whatever work of the session the queue has had before.
  void record(gpu::CommandList& commands, RecordedFor whom) const;
  void record_images(gpu::CommandList& commands, RecordedFor whom, bool outputs) const;
  bool has_images() const;
  Resources resources() const { return {pipelines, ranges, timer.slots() > 0 ? &timer : nullptr}; }
};

// An input or output by name; names of inputs come first where both exist.
Result<EdgeTensor*> find_edge(BoundSession& bound, std::string_view name);

}  // namespace nibble
