#include "gpu/image_sets.h"

#include "core/try.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {

Result<ImageSets> ImageSets::create(const Device& device, const Pipeline& pipeline, uint32_t count) {
  DeviceState& state = device.state();
  ImageSets sets;
  sets.device_ = DeviceUse(state);
  sets.image_ = pipeline.image_type();
  const VkDescriptorPoolSize sizes[] = {{sets.image_, count},
                                        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, count * pipeline.bindings()}};
  VkDescriptorPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool.maxSets = count;
  pool.poolSizeCount = pipeline.bindings() > 0 ? 2 : 1;
  pool.pPoolSizes = sizes;
  NBL_VK(state.vk.vkCreateDescriptorPool(state.device, &pool, nullptr, &sets.pool_), "creating a descriptor pool");
  const std::vector<VkDescriptorSetLayout> layouts(count, pipeline.set_layout());
  sets.sets_.resize(count);
  VkDescriptorSetAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorPool = sets.pool_;
  info.descriptorSetCount = count;
  info.pSetLayouts = layouts.data();
  NBL_VK(state.vk.vkAllocateDescriptorSets(state.device, &info, sets.sets_.data()), "allocating descriptor sets");
  return sets;
}

ImageSets& ImageSets::operator=(ImageSets&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(image_, other.image_);
  std::swap(sets_, other.sets_);
  return *this;
}

ImageSets::~ImageSets() {
  if (pool_) device_->vk.vkDestroyDescriptorPool(device_->device, pool_, nullptr);
}

VkDescriptorSet ImageSets::write(uint32_t index, std::span<const BufferRange> buffers, VkImageView view,
                                 VkImageLayout layout) {
  const VkDescriptorSet set = sets_[index];
  std::array<VkDescriptorBufferInfo, kMaxBindings> infos{};
  std::array<VkWriteDescriptorSet, kMaxBindings + 1> writes{};
  const VkDescriptorImageInfo image{VK_NULL_HANDLE, view, layout};
  const auto count = static_cast<uint32_t>(buffers.size());
  for (uint32_t i = 0; i <= count; ++i) {
    writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[i].dstSet = set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = i < count ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : image_;
    if (i < count) {
      infos[i] = {buffers[i].buffer, buffers[i].offset, buffers[i].bytes};
      writes[i].pBufferInfo = &infos[i];
    } else {
      writes[i].pImageInfo = &image;
    }
  }
  device_->vk.vkUpdateDescriptorSets(device_->device, count + 1, writes.data(), 0, nullptr);
  return set;
}

}  // namespace nibble::gpu
