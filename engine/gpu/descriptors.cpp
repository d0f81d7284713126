#include "gpu/descriptors.h"

#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kSetsPerPool = 64;  // most networks have between 20 and 200 steps

}  // namespace

DescriptorSets::~DescriptorSets() {
  for (VkDescriptorPool pool : pools_) device_->vk.vkDestroyDescriptorPool(device_->device, pool, nullptr);
}

Status DescriptorSets::add_pool() {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSetsPerPool * kMaxBindings};
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  info.maxSets = kSetsPerPool;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  NBL_VK(device_->vk.vkCreateDescriptorPool(device_->device, &info, nullptr, &pool), "creating a descriptor pool");
  pools_.push_back(pool);
  return {};
}

Result<VkDescriptorSet> DescriptorSets::allocate(VkDescriptorSetLayout layout) {
  if (used_ == kSetsPerPool) {
    ++pool_;
    used_ = 0;
  }
  if (pool_ == pools_.size()) NBL_CHECK(add_pool());
  VkDescriptorSetAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorPool = pools_[pool_];
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set = VK_NULL_HANDLE;
  NBL_VK(device_->vk.vkAllocateDescriptorSets(device_->device, &info, &set), "allocating a descriptor set");
  ++used_;
  return set;
}

Result<VkDescriptorSet> DescriptorSets::find_or_make(std::span<const BufferRange> ranges) {
  Key key;
  key.count = static_cast<uint32_t>(ranges.size());
  for (size_t i = 0; i < ranges.size(); ++i) {
    key.ranges[i] = {(uint64_t)ranges[i].buffer, ranges[i].offset, ranges[i].bytes};  // NOLINT: pointer or integer
  }
  if (const auto found = sets_.find(key); found != sets_.end()) return found->second;
  NBL_TRY(const VkDescriptorSet set, allocate(device_->set_layouts[ranges.size()]));

  std::array<VkDescriptorBufferInfo, kMaxBindings> infos{};
  std::array<VkWriteDescriptorSet, kMaxBindings> writes{};
  for (uint32_t i = 0; i < key.count; ++i) {
    infos[i] = {ranges[i].buffer, ranges[i].offset, ranges[i].bytes};
    writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[i].dstSet = set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[i].pBufferInfo = &infos[i];
  }
  device_->vk.vkUpdateDescriptorSets(device_->device, key.count, writes.data(), 0, nullptr);
  sets_.emplace(key, set);
  return set;
}

void DescriptorSets::reset() {
  for (VkDescriptorPool pool : pools_) device_->vk.vkResetDescriptorPool(device_->device, pool, 0);
  pool_ = 0;
  used_ = 0;
  sets_.clear();
}

}  // namespace nibble::gpu
