// Records compute work once and submits it as often as wanted; or records into a command buffer of the application.
// Ownership: owns command pool, fence and descriptor sets; buffers, pipelines and timers that it refers to must outlive
// its last run. Move-only. One thread at a time; different lists may be submitted from different threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "gpu/buffer.h"
#include "gpu/descriptors.h"
#include "gpu/device.h"
#include "gpu/event.h"
#include "gpu/pipeline.h"
#include "gpu/timer.h"

namespace nibble::gpu {

// Who touches memory before and after a barrier; combine with '|'.
enum Access : uint32_t { compute = 1, transfer = 2, host = 4 };

// A rectangle of a color image.
struct ImagePart {
  VkImage image = VK_NULL_HANDLE;
  VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
  VkOffset2D offset{};
  VkExtent2D extent{};
};

// A semaphore of the application, binary where the value is 0.
struct SemaphoreUse {
  VkSemaphore semaphore = VK_NULL_HANDLE;
  uint64_t value = 0;
};

class CommandList {
 public:
  static Result<CommandList> create(const Device& device, const char* name);
  CommandList(CommandList&& other) noexcept;
  CommandList& operator=(CommandList&&) = delete;
  ~CommandList();  // waits for a run in progress

  // Starts a recording and drops the last one. An error while the last one runs.
  Status begin();
  // Starts a recording into `commands`, which the application began and will end, submit and wait for. Descriptor sets
  // are kept and found again by the next recording: call reset_descriptors() before a bound buffer is destroyed.
  Status begin_external(VkCommandBuffer commands);

  // Everything between begin and finish. The first misuse is remembered and returned by finish(); nothing is recorded
  // after it. What is bound and pushed holds until the next bind.
  void bind(const Pipeline& pipeline, std::span<const BufferRange> buffers);
  // The same with a set that the caller keeps, for pipelines with an image; see ImageSets.
  void bind(const Pipeline& pipeline, VkDescriptorSet set);
  void push(std::span<const std::byte> constants);
  void dispatch(uint32_t x, uint32_t y, uint32_t z);
  // `count` workgroups with numbers from `base` on, of a pipeline with PipelineSpec::based.
  void dispatch(const std::array<uint32_t, 3>& base, const std::array<uint32_t, 3>& count);
  // Names what follows, for debuggers and validation messages.
  void label(const char* name);
  // Makes everything written before by `from` visible to `to`, and orders the two. Host writes that happen before
  // submit() need none.
  void barrier(uint32_t from, uint32_t to);
  void fill(const BufferRange& range, uint32_t word);  // offset and bytes: multiples of 4
  void copy(const BufferRange& from, const BufferRange& to);
  // A part of level 0 of an image from and to a buffer without gaps between rows.
  void copy(const ImagePart& from, const BufferRange& to);
  void copy(const BufferRange& from, const ImagePart& to);
  void reset(const Timer& timer);  // before the first timestamp of a run
  void reset(const Timer& timer, uint32_t first, uint32_t count);
  void timestamp(const Timer& timer, uint32_t slot);
  // Event::passed() is true once everything that was recorded before has run.
  void set(const Event& event);

  Status finish();

  // Runs the finished recording. An error while it still runs: wait first.
  Status submit() { return submit({}, {}); }
  Status submit(std::span<const SemaphoreUse> wait, std::span<const SemaphoreUse> signal);
  // True when the run is over (or none was started), false when it lasts longer than `timeout_ns`. device_lost when the
  // device was reset or removed.
  Result<bool> wait(uint64_t timeout_ns);
  bool running() const { return running_; }

  // Forgets all descriptor sets; no recording that uses them may be running or be submitted again.
  void reset_descriptors();

 private:
  CommandList(DeviceState& state) : device_(state), descriptors_(state) {}
  bool refuse(const std::string& why);
  bool recording();
  bool check_range(const BufferRange& range);
  bool check_groups(const std::array<uint32_t, 3>& count);

  DeviceUse device_;
  DescriptorSets descriptors_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer own_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;  // being recorded
  VkFence fence_ = VK_NULL_HANDLE;
  std::optional<Error> error_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;  // of the bound pipeline
  uint32_t push_bytes_ = 0;                   // that it expects
  bool based_ = false;                        // and whether its dispatches may have a base
  bool pushed_ = false;
  bool finished_ = false;
  bool running_ = false;
};

}  // namespace nibble::gpu
