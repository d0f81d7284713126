#include "gpu/command.h"

#include <cstdio>
#include <vector>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

struct Scope {
  VkPipelineStageFlags stages = 0;
  VkAccessFlags reads = 0, writes = 0;
};

Scope scope_of(uint32_t access) {
  Scope scope;
  const auto add = [&](uint32_t bit, VkPipelineStageFlags stage, VkAccessFlags reads, VkAccessFlags writes) {
    if (!(access & bit)) return;
    scope.stages |= stage;
    scope.reads |= reads;
    scope.writes |= writes;
  };
  add(compute, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT, VK_ACCESS_SHADER_WRITE_BIT);
  add(transfer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
  add(host, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT, VK_ACCESS_HOST_WRITE_BIT);
  return scope;
}

unsigned long long ull(uint64_t value) { return value; }

// What a submission that waits for the application waits with.
constexpr VkPipelineStageFlags kAnything = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

struct SubmittedSemaphores {
  explicit SubmittedSemaphores(std::span<const SemaphoreUse> uses) {
    for (const SemaphoreUse& use : uses) {
      handles.push_back(use.semaphore);
      values.push_back(use.value);
      timeline |= use.value != 0;
      complete &= use.semaphore != VK_NULL_HANDLE;
    }
  }
  std::vector<VkSemaphore> handles;
  std::vector<uint64_t> values;
  bool timeline = false, complete = true;
};

VkBufferImageCopy image_copy(const ImagePart& image, const BufferRange& buffer) {
  VkBufferImageCopy region{};
  region.bufferOffset = buffer.offset;
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageOffset = {image.offset.x, image.offset.y, 0};
  region.imageExtent = {image.extent.width, image.extent.height, 1};
  return region;
}

}  // namespace

Result<CommandList> CommandList::create(const Device& device, const char* name) {
  DeviceState& state = device.state();
  CommandList list(state);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = state.queue_family;
  NBL_VK(state.vk.vkCreateCommandPool(state.device, &pool, nullptr, &list.pool_), "creating a command pool");
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = list.pool_;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  NBL_VK(state.vk.vkAllocateCommandBuffers(state.device, &info, &list.own_), "allocating a command buffer");
  state.set_name(VK_OBJECT_TYPE_COMMAND_BUFFER, list.own_, name);
  VkFenceCreateInfo fence{};
  fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  NBL_VK(state.vk.vkCreateFence(state.device, &fence, nullptr, &list.fence_), "creating a fence");
  return list;
}

CommandList::CommandList(CommandList&& other) noexcept
    : device_(std::move(other.device_)),
      descriptors_(std::move(other.descriptors_)),
      pool_(std::exchange(other.pool_, VK_NULL_HANDLE)),
      own_(std::exchange(other.own_, nullptr)),
      commands_(std::exchange(other.commands_, nullptr)),
      fence_(std::exchange(other.fence_, VK_NULL_HANDLE)),
      error_(std::move(other.error_)),
      layout_(other.layout_),
      push_bytes_(other.push_bytes_),
      based_(other.based_),
      pushed_(other.pushed_),
      finished_(std::exchange(other.finished_, false)),
      running_(std::exchange(other.running_, false)) {}

CommandList::~CommandList() {
  if (!device_) return;
  if (running_) (void)device_->vk.vkWaitForFences(device_->device, 1, &fence_, VK_TRUE, UINT64_MAX);
  if (fence_) device_->vk.vkDestroyFence(device_->device, fence_, nullptr);
  if (pool_) device_->vk.vkDestroyCommandPool(device_->device, pool_, nullptr);
}

Status CommandList::begin() {
  if (running_) return Error{Code::invalid_argument, "recording into a command list that still runs"};
  finished_ = false;
  error_.reset();
  layout_ = VK_NULL_HANDLE;
  descriptors_.reset();
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  NBL_VK(device_->vk.vkBeginCommandBuffer(own_, &info), "beginning a command buffer");
  commands_ = own_;
  return {};
}

Status CommandList::begin_external(VkCommandBuffer commands) {
  if (!commands) return Error{Code::invalid_argument, "recording into a command buffer that is null"};
  if (commands_ == own_ && commands_) return Error{Code::invalid_argument, "a recording is already in progress"};
  error_.reset();
  layout_ = VK_NULL_HANDLE;
  commands_ = commands;
  return {};
}

bool CommandList::refuse(const std::string& why) {
  if (!error_) error_ = Error{Code::invalid_argument, "recording: " + why};
  return false;
}

bool CommandList::recording() {
  if (error_) return false;
  return commands_ || refuse("begin() was not called");
}

bool CommandList::check_range(const BufferRange& range) {
  const Caps& caps = device_->caps;
  if (!range.buffer || range.bytes == 0) return refuse("a bound buffer is null or empty");
  if (range.offset % caps.offset_alignment != 0) {
    return refuse(format("binding offset %llu is no multiple of %u", ull(range.offset), caps.offset_alignment));
  }
  if (range.bytes > caps.max_buffer_range) {
    return refuse(format("a binding of %llu bytes, device '%s' allows %llu", ull(range.bytes), caps.device_name.c_str(),
                         ull(caps.max_buffer_range)));
  }
  return true;
}

void CommandList::bind(const Pipeline& pipeline, std::span<const BufferRange> buffers) {
  if (!recording()) return;
  if (buffers.size() != pipeline.bindings()) {
    refuse(format("the pipeline has %u bindings, %zu buffers were given", pipeline.bindings(), buffers.size()));
    return;
  }
  for (const BufferRange& range : buffers) {
    if (!check_range(range)) return;
  }
  auto set = descriptors_.find_or_make(buffers);
  if (!set) {
    error_ = set.error();
    return;
  }
  layout_ = pipeline.layout();
  push_bytes_ = pipeline.push_bytes();
  based_ = pipeline.based();
  pushed_ = push_bytes_ == 0;
  device_->vk.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle());
  device_->vk.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &*set, 0, nullptr);
}

void CommandList::bind(const Pipeline& pipeline, VkDescriptorSet set) {
  if (!recording()) return;
  layout_ = pipeline.layout();
  push_bytes_ = pipeline.push_bytes();
  based_ = pipeline.based();
  pushed_ = push_bytes_ == 0;
  device_->vk.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle());
  device_->vk.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &set, 0, nullptr);
}

void CommandList::push(std::span<const std::byte> constants) {
  if (!recording()) return;
  if (!layout_ || constants.size() != push_bytes_) {
    refuse(format("%zu push-constant bytes, the pipeline takes %u", constants.size(), layout_ ? push_bytes_ : 0));
    return;
  }
  if (push_bytes_ == 0) return;
  device_->vk.vkCmdPushConstants(commands_, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes_, constants.data());
  pushed_ = true;
}

void CommandList::dispatch(uint32_t x, uint32_t y, uint32_t z) {
  if (check_groups({x, y, z})) device_->vk.vkCmdDispatch(commands_, x, y, z);
}

void CommandList::dispatch(const std::array<uint32_t, 3>& base, const std::array<uint32_t, 3>& count) {
  if (!check_groups({base[0] + count[0], base[1] + count[1], base[2] + count[2]})) return;
  if (!based_) {
    refuse("a dispatch with a base, of a pipeline that was not made for it");
    return;
  }
  device_->vk.vkCmdDispatchBase(commands_, base[0], base[1], base[2], count[0], count[1], count[2]);
}

bool CommandList::check_groups(const std::array<uint32_t, 3>& count) {
  if (!recording()) return false;
  const auto& most = device_->caps.max_workgroup_count;
  if (!layout_ || !pushed_) return refuse("dispatch without a pipeline or its push constants");
  if (count[0] <= most[0] && count[1] <= most[1] && count[2] <= most[2]) return true;
  return refuse(format("%u x %u x %u workgroups, device '%s' allows %u x %u x %u", count[0], count[1], count[2],
                       device_->caps.device_name.c_str(), most[0], most[1], most[2]));
}

void CommandList::label(const char* name) {
  const auto insert = device_->instance_table.vkCmdInsertDebugUtilsLabelEXT;
  if (!recording() || !device_->debug_names || !insert) return;
  VkDebugUtilsLabelEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
  info.pLabelName = name;
  insert(commands_, &info);
}

void CommandList::barrier(uint32_t from, uint32_t to) {
  if (!recording()) return;
  const Scope before = scope_of(from), after = scope_of(to);
  if (!before.stages || !after.stages) {
    refuse("a barrier between nothing");
    return;
  }
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = before.writes;
  memory.dstAccessMask = after.reads | after.writes;
  device_->vk.vkCmdPipelineBarrier(commands_, before.stages, after.stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void CommandList::fill(const BufferRange& range, uint32_t word) {
  if (!recording()) return;
  if (!range.buffer || range.bytes == 0 || range.offset % 4 != 0 || range.bytes % 4 != 0) {
    refuse(format("filling %llu bytes at %llu: both must be multiples of 4", ull(range.bytes), ull(range.offset)));
    return;
  }
  device_->vk.vkCmdFillBuffer(commands_, range.buffer, range.offset, range.bytes, word);
}

void CommandList::copy(const BufferRange& from, const BufferRange& to) {
  if (!recording()) return;
  if (!from.buffer || !to.buffer || from.bytes == 0 || from.bytes != to.bytes) {
    refuse(format("copying %llu bytes to a range of %llu", ull(from.bytes), ull(to.bytes)));
    return;
  }
  const VkBufferCopy region{from.offset, to.offset, from.bytes};
  device_->vk.vkCmdCopyBuffer(commands_, from.buffer, to.buffer, 1, &region);
}

void CommandList::copy(const ImagePart& from, const BufferRange& to) {
  if (!recording()) return;
  const VkBufferImageCopy region = image_copy(from, to);
  device_->vk.vkCmdCopyImageToBuffer(commands_, from.image, from.layout, to.buffer, 1, &region);
}

void CommandList::copy(const BufferRange& from, const ImagePart& to) {
  if (!recording()) return;
  const VkBufferImageCopy region = image_copy(to, from);
  device_->vk.vkCmdCopyBufferToImage(commands_, from.buffer, to.image, to.layout, 1, &region);
}

void CommandList::reset(const Timer& timer) { reset(timer, 0, timer.slots()); }

void CommandList::reset(const Timer& timer, uint32_t first, uint32_t count) {
  if (!recording() || !timer.handle()) return;
  device_->vk.vkCmdResetQueryPool(commands_, timer.handle(), first, count);
}

void CommandList::timestamp(const Timer& timer, uint32_t slot) {
  if (!recording() || !timer.handle()) return;
  if (slot >= timer.slots()) {
    refuse(format("timestamp slot %u of %u", slot, timer.slots()));
    return;
  }
  device_->vk.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, timer.handle(), slot);
}

void CommandList::set(const Event& event) {
  if (!recording() || !event.handle()) return;
  device_->vk.vkCmdSetEvent(commands_, event.handle(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
}

Status CommandList::finish() {
  if (!commands_ && !error_) return Error{Code::invalid_argument, "recording: begin() was not called"};
  const bool own = commands_ == own_;
  commands_ = VK_NULL_HANDLE;
  if (own) {
    const VkResult ended = device_->vk.vkEndCommandBuffer(own_);
    if (!error_) NBL_VK(ended, "ending a command buffer");
    finished_ = !error_;
  }
  if (error_) return *error_;
  return {};
}

Status CommandList::submit(std::span<const SemaphoreUse> wait, std::span<const SemaphoreUse> signal) {
  if (running_) return Error{Code::invalid_argument, "submitting a command list that still runs"};
  if (!finished_) return Error{Code::invalid_argument, "submitting a command list that was not recorded"};
  SubmittedSemaphores waits(wait), signals(signal);
  if ((waits.timeline || signals.timeline) && !device_->timeline) {
    return broken_rule(
        "a semaphore has a value, but the application did not say that it enabled timelineSemaphore: pass its "
        "features to Device::wrap()");
  }
  if (!waits.complete || !signals.complete) return broken_rule("a semaphore is null");
  NBL_VK(device_->vk.vkResetFences(device_->device, 1, &fence_), "resetting a fence");
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &own_;
  const std::vector<VkPipelineStageFlags> stages(wait.size(), kAnything);
  info.waitSemaphoreCount = static_cast<uint32_t>(waits.handles.size());
  info.pWaitSemaphores = waits.handles.data();
  info.pWaitDstStageMask = stages.data();
  info.signalSemaphoreCount = static_cast<uint32_t>(signals.handles.size());
  info.pSignalSemaphores = signals.handles.data();
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.waitSemaphoreValueCount = info.waitSemaphoreCount;
  timeline.pWaitSemaphoreValues = waits.values.data();
  timeline.signalSemaphoreValueCount = info.signalSemaphoreCount;
  timeline.pSignalSemaphoreValues = signals.values.data();
  if (waits.timeline || signals.timeline) info.pNext = &timeline;
  VkResult submitted = VK_SUCCESS;
  // Around nibble's own: a thread that holds the application's already (a recursive one) would else wait here for one
  // that waits for it.
  if (device_->lock_queue) device_->lock_queue();
  {
    const std::lock_guard lock(device_->queue_mutex);
    submitted = device_->vk.vkQueueSubmit(device_->queue, 1, &info, fence_);
  }
  if (device_->unlock_queue) device_->unlock_queue();
  NBL_VK(submitted, "submitting to '" + device_->caps.device_name + "'");
  ++device_->submissions;
  running_ = true;
  return {};
}

Result<bool> CommandList::wait(uint64_t timeout_ns) {
  if (!running_) return true;
  const VkResult result = device_->vk.vkWaitForFences(device_->device, 1, &fence_, VK_TRUE, timeout_ns);
  if (result == VK_TIMEOUT) return false;
  // Over, or lost for good. After any other error the work may still be in flight.
  if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST) running_ = false;
  NBL_VK(result, "waiting for '" + device_->caps.device_name + "'");
  return true;
}

void CommandList::reset_descriptors() { descriptors_.reset(); }

}  // namespace nibble::gpu
