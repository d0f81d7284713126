// An image on its way into a network: read as bytes, scaled, laid in its place, made elements of the input.
#pragma once

#include <memory>
#include <optional>

#include "gpu/buffer.h"
#include "image_params.h"
#include "nibble/vulkan_image.h"
#include "runtime/image_access.h"
#include "runtime/image_kernels.h"

namespace nibble {

class ImageInput : public ImagePort {
 public:
  // `bytes`: of the input's buffer.
  static Result<std::unique_ptr<ImageInput>> create(const gpu::Device& device, const TensorInfo& input, uint64_t bytes,
                                                    const ExternalImage& image, const ImageAccess& access,
                                                    const ImagePreprocessing& preprocessing);

  // Takes another image, if nothing but the handles differs.
  bool replace(const ExternalImage& image, const ImageAccess& access, const ImagePreprocessing& preprocessing);

  void record(gpu::CommandList& commands, const gpu::BufferRange& tensor, RecordedFor whom) override;
  gpu::BufferRange tensor() const override { return tensor_.whole(); }

 private:
  Status plan(const TensorInfo& input);
  Status build(const gpu::Device& device, const TensorInfo& input);

  ExternalImage image_;
  ImageAccess access_;
  ImagePreprocessing preprocessing_;
  PictureShape shape_;
  params::ImageReadParams read_{};
  params::ImageRowsParams rows_{};
  params::ImageToTensorParams to_tensor_{};
  bool scales_rows_ = false;
  uint32_t scaling_ = 0;
  uint32_t color_ = 0;
  std::vector<uint32_t> table_;  // until it is uploaded
  ImageKernel read_kernel_, rows_kernel_, to_tensor_kernel_;
  gpu::Buffer tensor_, copied_, words_, scaled_, tables_;
};

// Whether only the handles of two images differ.
bool alike(const ExternalImage& a, const ExternalImage& b);

}  // namespace nibble
