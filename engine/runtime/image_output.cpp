#include "runtime/image_output.h"

#include <algorithm>
#include <cmath>

#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "runtime/image_input.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

using Contents = ImagePostprocessing::Contents;

bool same_but_palette(const ImagePostprocessing& a, const ImagePostprocessing& b) {
  return a.contents == b.contents && a.scale == b.scale && a.offset == b.offset && a.color == b.color &&
         a.channels_last == b.channels_last && a.alpha == b.alpha && a.x == b.x && a.y == b.y &&
         a.linear_light == b.linear_light;
}

Result<uint32_t> type_of(const TensorInfo& info, Contents contents) {
  const bool whole_numbers = contents != Contents::picture;
  switch (info.type) {
    case DType::f32: return uint32_t{NBL_IMAGE_F32};
    case DType::f16: return uint32_t{NBL_IMAGE_F16};
    case DType::i8: return uint32_t{NBL_IMAGE_I8};
    case DType::u8:
    case DType::boolean: return uint32_t{NBL_IMAGE_U8};
    case DType::i32:
    case DType::i64:  // lies as i32
      if (whole_numbers) return uint32_t{NBL_IMAGE_I32};
      break;
    default: break;
  }
  return Error{Code::invalid_argument, "output " + describe(info) + " is of a type that is no picture"};
}

std::vector<uint32_t> gray_palette() {
  std::vector<uint32_t> palette;
  for (uint32_t i = 0; i < 256; ++i) palette.push_back(0xFF000000u | i * 0x010101u);
  return palette;
}

std::vector<uint32_t> palette_of(const ImagePostprocessing& wanted) {
  if (wanted.palette.empty()) return gray_palette();
  return {wanted.palette.begin(), wanted.palette.end()};
}

}  // namespace

Result<std::unique_ptr<ImageOutput>> ImageOutput::create(const gpu::Device& device, const TensorInfo& output,
                                                         uint64_t bytes, const ExternalImage& image,
                                                         const ImageAccess& access,
                                                         const ImagePostprocessing& postprocessing) {
  auto port = std::make_unique<ImageOutput>();
  port->image_ = image;
  port->access_ = access;
  port->postprocessing_ = postprocessing;
  port->postprocessing_.palette = {};
  port->palette_ = palette_of(postprocessing);
  NBL_CHECK(port->plan(output));
  NBL_TRY(port->tensor_, gpu::Buffer::create(device, bytes, gpu::BufferPurpose::device_local, "image output"));
  NBL_CHECK(port->build(device, output));
  return port;
}

bool ImageOutput::replace(const ExternalImage& image, const ImageAccess& access,
                          const ImagePostprocessing& postprocessing) {
  if (!alike(image, image_) || access.use.path != access_.use.path ||
      !same_but_palette(postprocessing, postprocessing_))
    return false;
  if (palette_of(postprocessing) != palette_) return false;
  image_ = image;
  access_ = access;
  return true;
}

Status ImageOutput::plan(const TensorInfo& output) {
  const ImagePostprocessing& wanted = postprocessing_;
  if (wanted.linear_light && !access_.half) {
    return broken_rule("linear_light is for R16G16B16A16_SFLOAT: the image is of another format");
  }
  if (!std::isfinite(wanted.scale) || !std::isfinite(wanted.offset)) {
    return Error{Code::invalid_argument, format("scale %g and offset %g must be finite", wanted.scale, wanted.offset)};
  }
  if (wanted.color == ImageColor::gray) {
    return Error{Code::invalid_argument, "an output of one channel is gray by itself: the colour is rgb or bgr"};
  }
  if (palette_.size() > 1u << 20) {
    return Error{Code::invalid_argument,
                 format("a palette of %zu colours, at most 1048576 are taken", palette_.size())};
  }
  const bool picture = wanted.contents == Contents::picture;
  // Classes have many channels: where nothing is said they come first.
  const auto last = wanted.channels_last || picture ? wanted.channels_last : std::optional<bool>(false);
  NBL_TRY(shape_, picture_shape(output, last, picture));
  const int64_t c = shape_.channels;
  const bool fits = picture ? c == 1 || c == 3 || c == 4 : (wanted.contents == Contents::argmax ? c > 1 : c == 1);
  if (!fits) {
    return Error{Code::invalid_argument,
                 format("output %s has %lld channels: a picture has 1, 3 or 4, argmax takes several, classes one",
                        describe(output).c_str(), static_cast<long long>(c))};
  }
  const bool inside = wanted.x >= 0 && wanted.y >= 0 && wanted.x + shape_.width <= image_.extent.width &&
                      wanted.y + shape_.height <= image_.extent.height;
  if (!inside) {
    return Error{Code::invalid_argument,
                 format("output %s at %d, %d does not fit into an image of %u x %u", describe(output).c_str(), wanted.x,
                        wanted.y, image_.extent.width, image_.extent.height)};
  }
  push_.width = static_cast<uint32_t>(shape_.width);
  push_.height = static_cast<uint32_t>(shape_.height);
  push_.channels = static_cast<uint32_t>(c);
  push_.x = wanted.x;
  push_.y = wanted.y;
  push_.scale = static_cast<float>(wanted.scale * (output.quantized ? static_cast<double>(output.scale) : 1.0));
  push_.offset = static_cast<float>(wanted.offset);
  push_.zero = output.quantized ? output.zero_point : 0;
  push_.colors = static_cast<uint32_t>(palette_.size());
  push_.alpha = wanted.alpha;
  return {};
}

Status ImageOutput::build(const gpu::Device& device, const TensorInfo& output) {
  using gpu::Buffer, gpu::BufferPurpose;
  NBL_TRY(const uint32_t type, type_of(output, postprocessing_.contents));
  const uint64_t copied =
      access_.use.path == ImageUse::Path::copy ? uint64_t{push_.width} * push_.height * (access_.half ? 8 : 4) : 0;
  NBL_CHECK(check_reach(device, {copied, uint64_t{palette_.size()} * 4}));
  NBL_TRY(colors_, Buffer::create(device, palette_.size() * 4, BufferPurpose::upload, "palette"));
  NBL_CHECK(colors_.write(0, std::as_bytes(std::span(palette_))));
  const uint32_t contents = postprocessing_.contents == Contents::picture  ? NBL_IMAGE_PICTURE
                            : postprocessing_.contents == Contents::argmax ? NBL_IMAGE_ARGMAX
                                                                           : NBL_IMAGE_CLASSES;
  const bool bgr = postprocessing_.color == ImageColor::bgr && shape_.channels > 1;
  const uint32_t constants[] = {
      contents,      type, shape_.channels_last ? 1u : 0u, bgr ? 1u : 0u, postprocessing_.linear_light ? 1u : 0u,
      access_.format};
  ImageKernel::Spec spec{.name = "image_write_copy", .buffers = 3, .image = std::nullopt, .constants = constants};
  if (access_.use.path == ImageUse::Path::storage) {
    spec = {access_.half ? "image_write_rgba16f" : "image_write_rgba8", 2, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, constants};
  } else {
    NBL_TRY(words_, Buffer::create(device, copied, BufferPurpose::device_local, "image words"));
  }
  NBL_TRY(kernel_, ImageKernel::create(device, spec));
  return {};
}

void ImageOutput::record(gpu::CommandList& commands, const gpu::BufferRange& tensor, RecordedFor whom) {
  const uint64_t pixels = uint64_t{push_.width} * push_.height;
  if (access_.use.path == ImageUse::Path::storage) {
    const gpu::BufferRange buffers[] = {tensor, colors_.whole()};
    kernel_.record(commands, buffers, image_.view, access_.use.layout, whom, push_, pixels);
    return;
  }
  const gpu::BufferRange buffers[] = {tensor, colors_.whole(), words_.whole()};
  kernel_.record(commands, buffers, push_, pixels);
  commands.barrier(gpu::compute, gpu::transfer);
  commands.copy(words_.whole(),
                gpu::ImagePart{image_.image, access_.use.layout, {push_.x, push_.y}, {push_.width, push_.height}});
}

}  // namespace nibble
