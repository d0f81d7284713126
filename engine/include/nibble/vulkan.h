// For applications that have a Vulkan device and a frame of their own.
#pragma once

#include <vulkan/vulkan_core.h>

#include <chrono>
#include <functional>
#include <span>
#include <string_view>

#include "nibble/export.h"
#include "nibble/session.h"

namespace nibble {

// Everything stays the application's. The instance must be of Vulkan 1.1 or later.
struct ExternalDevice {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  // With compute. Session::create() (to upload), Preparation, run() and submit() submit to it too, so the application
  // must not use it in another thread then, unless it gives a lock.
  VkQueue queue = VK_NULL_HANDLE;
  uint32_t queue_family = 0;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  // What the device was created with: only that is used, whatever else the device could do. The features are a chain
  // as passed to vkCreateDevice (VkPhysicalDeviceFeatures2 with its pNext), or null.
  uint32_t instance_version = VK_API_VERSION_1_1;  // VkApplicationInfo::apiVersion
  std::span<const char* const> enabled_extensions;
  const VkPhysicalDeviceFeatures2* enabled_features = nullptr;
  // Both or none: called around each submission by nibble, in the thread that submits. An application that takes the
  // same lock for whatever it does with the queue may draw while sessions are made and run in other threads. A thread
  // that holds it must not call what submits: run(), run_slice() and submit() unless the lock is recursive, and, as
  // these may wait for other threads that submit, never Session::create(), bind_dims(), tune(), Preparation::take() and
  // ~Preparation().
  std::function<void()> lock_queue, unlock_queue;
};

// Uses `buffer` from byte `offset` on in place of the session's own memory of an input or output, in all later runs and
// recordings. The name is needed: it says which of both is meant. Elements are row-major without gaps: f32 and i32 four
// bytes, f16 two, i8, u8 and boolean one, i64 as i32; the range is rounded up to whole 32-bit words. The offset must be
// a multiple of minStorageBufferOffsetAlignment, the buffer have VK_BUFFER_USAGE_STORAGE_BUFFER_BIT. Binding the same
// or another buffer each frame is cheap and leaves earlier recordings valid. Before any buffer is destroyed that was
// bound since VK_NULL_HANDLE was last, bind that: back to the session's own memory. It, like bind_dims(), which forgets
// all bindings, ends the life of every recording: none may be pending. A buffer that is replaced and destroyed without
// it may live on in a later recording, when the driver gives its handle to another.
NBL_API Status bind_buffer(Session& session, std::string_view name, VkBuffer buffer, VkDeviceSize offset);

// Records the whole network into the application's command buffer, outside of a render pass, for a queue of
// ExternalDevice::queue_family: no submit, no wait. The barriers:
// - On entry, bound input buffers must be visible to VK_ACCESS_SHADER_READ at VK_PIPELINE_STAGE_COMPUTE_SHADER, and
//   reads and writes of bound output buffers be over as seen from there; images as ImageUse says (vulkan_image.h).
// - On exit, bound output buffers were written by VK_ACCESS_SHADER_WRITE at VK_PIPELINE_STAGE_COMPUTE_SHADER and input
//   buffers were read there: the caller makes them visible to what comes next, and lets nothing overwrite them earlier.
// - Between its own steps, and after what the session had recorded or run before on that queue, nibble places memory
//   barriers from compute to compute (with images also transfer). It touches nothing else.
// Recordings and runs of one session share its activations, so all go to one queue, and a run() waits for none of them.
// Compute pipeline, descriptor set 0 and push constants are changed.
NBL_API Status record(Session& session, VkCommandBuffer commands);

// Records as many further steps of a run as fit into the budget, as Session::run_slice() does but without submitting or
// waiting: an application spreads a network over its frames. The contract is that of record() for each slice. Slices go
// to the queue in the order in which they were recorded, each once, before the next but kSlicesInFlight is recorded;
// one run is made of slices of one kind. Time stamps of slices that have run are picked up when the next is recorded.
// `previous`: where the device has none (or has VK_KHR_portability_subset without `events`), what the slice before this
// one took on the GPU by the application's own measure; 0 for not known. Where neither tells, a slice is one step.
NBL_API Result<RunSlice> record_slice(Session& session, VkCommandBuffer commands, std::chrono::nanoseconds budget,
                                      std::chrono::nanoseconds previous = std::chrono::nanoseconds(0));
inline constexpr uint32_t kSlicesInFlight = 4;

// A semaphore of the application: of the timeline kind where there is a value, which needs timelineSemaphore among the
// enabled features, else binary.
struct SemaphoreUse {
  VkSemaphore semaphore = VK_NULL_HANDLE;
  uint64_t value = 0;
};

// Session::submit() on the queue of ExternalDevice, which may be one for computing beside the application's graphics:
// the run begins, with its compute and transfer stages, when `wait` are signalled, and signals `signal` when it is
// over; Session::wait() tells when as well. Nothing waits on the host. Semaphores order and make visible what was
// written before them, so no barriers are needed within a queue family; what is created for exclusive use of another
// family is released to and acquired from ExternalDevice::queue_family by the application, or created for concurrent
// use.
NBL_API Status submit(Session& session, std::span<const SemaphoreUse> wait, std::span<const SemaphoreUse> signal);

}  // namespace nibble
