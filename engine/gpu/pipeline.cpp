#include "gpu/pipeline.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/text.h"
#include "core/try.h"
#include "gpu/dead_code.h"
#include "gpu/specialize.h"
#include "gpu/vk_error.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kSpirvMagic = 0x07230203;  // SPIR-V specification, 2.3 Physical Layout
constexpr size_t kSpirvHeaderWords = 5;

Status check(const PipelineSpec& spec, const Caps& caps) {
  const auto refuse = [&](const std::string& why) {
    return Error{Code::invalid_argument, format("pipeline '%s': %s", spec.name, why.c_str())};
  };
  if (spec.spirv.size() < kSpirvHeaderWords || spec.spirv[0] != kSpirvMagic) return refuse("this is no SPIR-V");
  const uint32_t most = std::min(kMaxBindings, caps.max_storage_buffers);
  if (spec.bindings > most) {
    return refuse(
        format("it binds %u storage buffers, device '%s' allows %u", spec.bindings, caps.device_name.c_str(), most));
  }
  if (spec.push_bytes > caps.push_bytes || spec.push_bytes % 4 != 0) {
    return refuse(
        format("%u push-constant bytes, expected a multiple of 4 up to %u", spec.push_bytes, caps.push_bytes));
  }
  return {};
}

}  // namespace

Result<Pipeline> Pipeline::create(const Device& device, const PipelineSpec& spec) {
  DeviceState& state = device.state();
  NBL_CHECK(check(spec, state.caps));
  Pipeline pipeline;
  pipeline.device_ = DeviceUse(state);
  pipeline.bindings_ = spec.bindings;
  pipeline.push_bytes_ = spec.push_bytes;
  pipeline.based_ = spec.based;
  if (spec.image) NBL_CHECK(pipeline.create_set_layout(*spec.image));
  NBL_CHECK(pipeline.create_layout(spec.push_bytes));
  NBL_CHECK(pipeline.compile(spec));
  state.set_name(VK_OBJECT_TYPE_PIPELINE, pipeline.handle_, spec.name);
  ++state.pipelines;
  return pipeline;
}

Status Pipeline::create_set_layout(VkDescriptorType image) {
  std::array<VkDescriptorSetLayoutBinding, kMaxBindings + 1> bindings{};
  for (uint32_t i = 0; i <= bindings_; ++i) {
    const VkDescriptorType type = i < bindings_ ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : image;
    bindings[i] = {i, type, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  }
  VkDescriptorSetLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  info.bindingCount = bindings_ + 1;
  info.pBindings = bindings.data();
  NBL_VK(device_->vk.vkCreateDescriptorSetLayout(device_->device, &info, nullptr, &set_layout_),
         "creating a descriptor set layout");
  image_type_ = image;
  return {};
}

Status Pipeline::create_layout(uint32_t push_bytes) {
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
  VkPipelineLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  info.setLayoutCount = 1;
  info.pSetLayouts = set_layout_ ? &set_layout_ : &device_->set_layouts[bindings_];
  info.pushConstantRangeCount = push_bytes > 0 ? 1 : 0;
  info.pPushConstantRanges = &push;
  NBL_VK(device_->vk.vkCreatePipelineLayout(device_->device, &info, nullptr, &layout_), "creating a pipeline layout");
  return {};
}

Status Pipeline::compile(const PipelineSpec& spec) {
  // Specialized here, not by the driver: see specialize.h and dead_code.h.
  const std::vector<uint32_t> code = remove_dead_code(specialize(spec.spirv, spec.constants));
  VkShaderModuleCreateInfo module_info{};
  module_info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  module_info.codeSize = code.size() * sizeof(uint32_t);
  module_info.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  NBL_VK(device_->vk.vkCreateShaderModule(device_->device, &module_info, nullptr, &module),
         format("pipeline '%s': creating the shader module", spec.name));

  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.layout = layout_;
  if (spec.based) info.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT;
  const VkPipelineCache cache = spec.keep ? device_->cache.handle() : VK_NULL_HANDLE;
  const VkResult made = device_->vk.vkCreateComputePipelines(device_->device, cache, 1, &info, nullptr, &handle_);
  device_->vk.vkDestroyShaderModule(device_->device, module, nullptr);
  NBL_VK(made, format("pipeline '%s': compiling", spec.name));
  return {};
}

Pipeline::Pipeline(Pipeline&& other) noexcept { *this = std::move(other); }

Pipeline& Pipeline::operator=(Pipeline&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(layout_, other.layout_);
  std::swap(set_layout_, other.set_layout_);
  std::swap(image_type_, other.image_type_);
  std::swap(bindings_, other.bindings_);
  std::swap(push_bytes_, other.push_bytes_);
  std::swap(based_, other.based_);
  return *this;
}

Pipeline::~Pipeline() {
  if (!device_) return;
  if (handle_) device_->vk.vkDestroyPipeline(device_->device, handle_, nullptr);
  if (layout_) device_->vk.vkDestroyPipelineLayout(device_->device, layout_, nullptr);
  if (set_layout_) device_->vk.vkDestroyDescriptorSetLayout(device_->device, set_layout_, nullptr);
}

}  // namespace nibble::gpu
