// A network's output on its way into an image: as a picture, or as the colours of classes.
#pragma once

#include <memory>
#include <vector>

#include "gpu/buffer.h"
#include "image_params.h"
#include "nibble/vulkan_image.h"
#include "runtime/image_access.h"
#include "runtime/image_kernels.h"

namespace nibble {

class ImageOutput : public ImagePort {
 public:
  // `bytes`: of the output's buffer.
  static Result<std::unique_ptr<ImageOutput>> create(const gpu::Device& device, const TensorInfo& output,
                                                     uint64_t bytes, const ExternalImage& image,
                                                     const ImageAccess& access,
                                                     const ImagePostprocessing& postprocessing);

  // Takes another image, if nothing but the handles differs.
  bool replace(const ExternalImage& image, const ImageAccess& access, const ImagePostprocessing& postprocessing);

  void record(gpu::CommandList& commands, const gpu::BufferRange& tensor, RecordedFor whom) override;
  gpu::BufferRange tensor() const override { return tensor_.whole(); }

 private:
  Status plan(const TensorInfo& output);
  Status build(const gpu::Device& device, const TensorInfo& output);

  ExternalImage image_;
  ImageAccess access_;
  ImagePostprocessing postprocessing_;  // without the palette
  std::vector<uint32_t> palette_;
  PictureShape shape_;
  params::TensorToImageParams push_{};
  ImageKernel kernel_;
  gpu::Buffer tensor_, colors_, words_;
};

}  // namespace nibble
