// The kernels of shaders/images.cmake, and what every port does with them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gpu/command.h"
#include "gpu/image_sets.h"
#include "gpu/pipeline.h"
#include "runtime/image_port.h"

namespace nibble {

// Of all that is compiled in.
uint64_t image_kernels_hash();

// A kernel with an invocation per element, and an image where it has one. Move-only.
class ImageKernel {
 public:
  struct Spec {
    std::string_view name;
    uint32_t buffers = 0;
    std::optional<VkDescriptorType> image;  // at the binding behind the buffers
    std::span<const uint32_t> constants;    // from NBL_SPEC_OWN on
  };
  static Result<ImageKernel> create(const gpu::Device& device, const Spec& spec);
  ImageKernel() = default;

  template <class Push>
  void record(gpu::CommandList& commands, std::span<const gpu::BufferRange> buffers, const Push& push, uint64_t count) {
    commands.bind(pipeline_, buffers);
    dispatch(commands, std::as_bytes(std::span(&push, 1)), count);
  }
  template <class Push>
  void record(gpu::CommandList& commands, std::span<const gpu::BufferRange> buffers, VkImageView view,
              VkImageLayout layout, RecordedFor whom, const Push& push, uint64_t count) {
    commands.bind(pipeline_, set_for(whom, buffers, view, layout));
    dispatch(commands, std::as_bytes(std::span(&push, 1)), count);
  }

 private:
  VkDescriptorSet set_for(RecordedFor whom, std::span<const gpu::BufferRange> buffers, VkImageView view,
                          VkImageLayout layout);
  static void dispatch(gpu::CommandList& commands, std::span<const std::byte> push, uint64_t count);

  gpu::Pipeline pipeline_;
  gpu::ImageSets sets_;
  uint32_t recordings_ = 0;  // of the application
};

}  // namespace nibble
