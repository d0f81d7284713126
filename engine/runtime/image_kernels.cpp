#include "runtime/image_kernels.h"

#include <string>
#include <vector>

#include "core/crc32c.h"
#include "core/try.h"
#include "image_params.h"
#include "kernels/spirv_unpack.h"
#include "kernels/step_parts.h"
#include "nibble/vulkan_image.h"

namespace nibble {
namespace {

#include "kernel_code.inc"

struct Row {
  std::string_view name;
  uint32_t push_bytes;
};
constexpr Row kRows[] = {
#define NBL_KERNEL(family, name, weights, activations, output, needs, path, push) {#name, sizeof(params::push)},
#include "kernel_rows.inc"
#undef NBL_KERNEL
};
static_assert(std::size(kRows) == std::size(kPackedModules));

constexpr uint32_t kGroup = 64;  // invocations

}  // namespace

uint64_t image_kernels_hash() {
  return uint64_t{std::size(kPackedBytes)} << 32 | crc32c(std::as_bytes(std::span(kPackedBytes)));
}

Result<ImageKernel> ImageKernel::create(const gpu::Device& device, const Spec& spec) {
  size_t row = 0;
  while (row < std::size(kRows) && kRows[row].name != spec.name) ++row;
  if (row == std::size(kRows)) return Error{Code::internal, "there is no kernel '" + std::string(spec.name) + "'"};
  NBL_TRY(const std::vector<uint32_t> code, unpack_spirv({kPackedBytes, kPackedModules}, row));
  std::vector<gpu::SpecConstant> constants = {{NBL_SPEC_LOCAL_X, kGroup}, {NBL_SPEC_LOCAL_Y, 1}, {NBL_SPEC_LOCAL_Z, 1}};
  for (const uint32_t value : spec.constants) {
    constants.push_back({static_cast<uint32_t>(NBL_SPEC_OWN + constants.size() - 3), value});
  }
  const std::string name(spec.name);
  gpu::PipelineSpec pipeline;
  pipeline.spirv = code;
  pipeline.bindings = spec.buffers;
  pipeline.push_bytes = kRows[row].push_bytes;
  pipeline.constants = constants;
  pipeline.name = name.c_str();
  pipeline.image = spec.image;
  ImageKernel kernel;
  NBL_TRY(kernel.pipeline_, gpu::Pipeline::create(device, pipeline));
  if (spec.image) {
    NBL_TRY(kernel.sets_, gpu::ImageSets::create(device, kernel.pipeline_, kImagesInFlight + 2));
  }
  return kernel;
}

VkDescriptorSet ImageKernel::set_for(RecordedFor whom, std::span<const gpu::BufferRange> buffers, VkImageView view,
                                     VkImageLayout layout) {
  uint32_t index = whom == RecordedFor::run ? kImagesInFlight : kImagesInFlight + 1;
  if (whom == RecordedFor::application) index = recordings_++ % kImagesInFlight;
  return sets_.write(index, buffers, view, layout);
}

void ImageKernel::dispatch(gpu::CommandList& commands, std::span<const std::byte> push, uint64_t count) {
  const auto groups = linear_groups(static_cast<int64_t>(count), kGroup);
  commands.push(push);
  commands.dispatch(groups[0], groups[1], groups[2]);
}

}  // namespace nibble
