// Everything about a run that can be known without the device: which kernels in which order, and where each buffer
// lies. Plain data; nibble-inspect prints it for devices that are not there.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gpu/caps.h"
#include "graph/graph.h"
#include "kernels/kernel_table.h"
#include "kernels/lowering.h"
#include "kernels/step.h"
#include "nibble/result.h"
#include "runtime/arena_planner.h"

namespace nibble {

struct PlanOptions {
  DimBindings dims;  // free dimensions that are not named count as 1
  KernelOverrides kernels;
  bool keep_all = false;  // no activation shares memory with another, and nothing is fused
  Tuning tuning = {};
};

inline constexpr size_t kBufferKinds = 5;  // of PlanBuffer::Kind

struct Plan {
  Graph graph;  // with bound dimensions; shares the model's constants
  std::vector<PlanBuffer> buffers;
  std::vector<BlobSpec> blobs;
  std::vector<Step> steps;
  std::vector<uint8_t> barrier_before;  // for each step: must wait for what was recorded since the last barrier
  std::vector<ArenaPlace> places;       // for each buffer, in the device buffers of its kind
  std::array<std::vector<uint64_t>, kBufferKinds> block_bytes;  // device buffers to make, by kind
  std::vector<TensorForm> tensors;                              // where to find tensors after a run that kept all
  uint64_t live_bytes = 0;  // most bytes of activations that one step needs: the arena cannot be smaller
  FormerChoices choices;    // for a plan of the same graph with other sizes
  std::string device_name;

  uint64_t bytes(PlanBuffer::Kind kind) const;
  uint64_t device_bytes() const;  // all kinds: the most that a session holds at any time
  // The part of a run's multiply-adds that integer steps do, 0..1; 1 when there are none.
  double integer_share() const;
};

// Fails with unsupported_device when a tensor or a blob is larger than the device reaches in one buffer, with both
// numbers; and with what lowering and kernel selection have to say.
Result<Plan> make_plan(const Graph& graph, const gpu::Caps& caps, const PlanOptions& options);

// Staging memory for uploads and for reading tensors back, on devices whose memory the host does not see. It comes and
// goes, and is not part of device_bytes().
inline constexpr uint64_t kStagingBytes = uint64_t{4} << 20;

// Bytes at which buffers may start on a device.
uint64_t buffer_alignment(const gpu::Caps& caps);
// Bytes of the largest device buffer that the plan makes.
uint64_t block_limit(const gpu::Caps& caps);

// Bytes of the buffers that a step reads and writes, each buffer once on either side.
struct StepBytes {
  uint64_t read = 0, written = 0;
};
StepBytes step_bytes(const Plan& plan, const Step& step);

// For people and golden tests: one line a step (kernel, node, shapes, bytes read and written, groups, specialization),
// then totals.
std::string explain(const Plan& plan);

}  // namespace nibble
