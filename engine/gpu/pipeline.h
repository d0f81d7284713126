// A compute pipeline made from SPIR-V.
// Ownership: owns VkPipeline and its layout; the Device outlives it. Move-only, immutable, readable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "gpu/device.h"
#include "gpu/device_state.h"

namespace nibble::gpu {

struct SpecConstant {
  uint32_t id = 0;
  uint32_t value = 0;  // the bits of a 32-bit int, uint, float or bool
  bool operator==(const SpecConstant&) const = default;
};

struct PipelineSpec {
  std::span<const uint32_t> spirv = {};
  uint32_t bindings = 0;    // storage buffers at set 0, bindings 0..bindings-1; at most kMaxBindings
  uint32_t push_bytes = 0;  // a multiple of 4, at most Caps::push_bytes
  std::span<const SpecConstant> constants = {};
  const char* name = "";  // for debuggers and errors
  bool keep = true;       // in the device's pipeline cache
  bool based = false;     // dispatches may begin at another workgroup than 0
  // An image at the binding behind the buffers. The pipeline then has a layout of sets of its own, see ImageSets.
  std::optional<VkDescriptorType> image = {};
};

class Pipeline {
 public:
  // Compiles, through the device's pipeline cache. The SPIR-V may be freed afterwards.
  static Result<Pipeline> create(const Device& device, const PipelineSpec& spec);

  Pipeline() = default;
  Pipeline(Pipeline&& other) noexcept;
  Pipeline& operator=(Pipeline&& other) noexcept;
  ~Pipeline();

  VkPipeline handle() const { return handle_; }
  VkPipelineLayout layout() const { return layout_; }
  uint32_t bindings() const { return bindings_; }
  // Null unless there is an image.
  VkDescriptorSetLayout set_layout() const { return set_layout_; }
  VkDescriptorType image_type() const { return image_type_; }
  uint32_t push_bytes() const { return push_bytes_; }
  bool based() const { return based_; }

 private:
  Status create_set_layout(VkDescriptorType image);
  Status create_layout(uint32_t push_bytes);
  Status compile(const PipelineSpec& spec);

  DeviceUse device_;
  VkPipeline handle_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkDescriptorType image_type_ = VK_DESCRIPTOR_TYPE_MAX_ENUM;
  uint32_t bindings_ = 0;
  uint32_t push_bytes_ = 0;
  bool based_ = false;
};

}  // namespace nibble::gpu
