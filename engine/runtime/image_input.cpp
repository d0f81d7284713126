#include "runtime/image_input.h"

#include <algorithm>
#include <cmath>

#include "core/half.h"
#include "core/requantize.h"
#include "core/resample_taps.h"
#include "core/rule.h"
#include "core/text.h"
#include "core/try.h"
#include "kernels/step_parts.h"
#include "runtime/image_table.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

// A pixel's value as an element of the input, as the command-line tools make it.
Result<uint32_t> element_of(const TensorInfo& info, double pixel, double mean, double deviation) {
  const auto value = static_cast<float>((pixel / 255.0 - mean) / deviation);
  switch (info.type) {
    case DType::f32: return float_bits(value);
    case DType::f16: return uint32_t{half_from_float(value)};
    case DType::i8:
      if (!info.quantized) break;
      return static_cast<uint32_t>(quantize(static_cast<double>(value), info.scale, info.zero_point, -128, 127)) &
             0xFFu;
    case DType::u8:
      if (!info.quantized) return static_cast<uint32_t>(pixel);
      return static_cast<uint32_t>(quantize(static_cast<double>(value), info.scale, info.zero_point, 0, 255));
    default: break;
  }
  return Error{Code::invalid_argument,
               "input " + describe(info) + " takes no picture: f32, f16, quantized i8 or u8 do"};
}

Status check_numbers(const ImagePreprocessing& wanted) {
  for (size_t c = 0; c < 3; ++c) {
    const bool sane = std::isfinite(wanted.mean[c]) && std::isfinite(wanted.std[c]) && wanted.std[c] != 0;
    if (!sane) {
      return Error{Code::invalid_argument,
                   format("mean %g and std %g of channel %zu: finite numbers and no std of 0 are "
                          "expected",
                          wanted.mean[c], wanted.std[c], c)};
    }
  }
  return {};
}

Status check_source(const ExternalImage& image, const ImagePlacement& p) {
  const bool inside = p.source_x >= 0 && p.source_y >= 0 &&
                      uint64_t{p.source_width} + static_cast<uint32_t>(p.source_x) <= image.extent.width &&
                      uint64_t{p.source_height} + static_cast<uint32_t>(p.source_y) <= image.extent.height;
  if (inside) return {};
  return Error{Code::invalid_argument,
               format("the placement takes %u x %u at %d, %d from an image of %u x %u", p.source_width, p.source_height,
                      p.source_x, p.source_y, image.extent.width, image.extent.height)};
}

}  // namespace

bool alike(const ExternalImage& a, const ExternalImage& b) {
  return a.format == b.format && a.usage == b.usage && a.tiling == b.tiling && a.extent.width == b.extent.width &&
         a.extent.height == b.extent.height;
}

Result<std::unique_ptr<ImageInput>> ImageInput::create(const gpu::Device& device, const TensorInfo& input,
                                                       uint64_t bytes, const ExternalImage& image,
                                                       const ImageAccess& access,
                                                       const ImagePreprocessing& preprocessing) {
  auto port = std::make_unique<ImageInput>();
  port->image_ = image;
  port->access_ = access;
  port->preprocessing_ = preprocessing;
  NBL_CHECK(port->plan(input));
  NBL_TRY(port->tensor_, gpu::Buffer::create(device, bytes, gpu::BufferPurpose::device_local, "image input"));
  NBL_CHECK(port->build(device, input));
  return port;
}

bool ImageInput::replace(const ExternalImage& image, const ImageAccess& access,
                         const ImagePreprocessing& preprocessing) {
  if (!alike(image, image_) || access.use.path != access_.use.path || preprocessing != preprocessing_) return false;
  image_ = image;
  access_ = access;
  return true;
}

Status ImageInput::plan(const TensorInfo& input) {
  const ImagePreprocessing& wanted = preprocessing_;
  NBL_CHECK(check_numbers(wanted));
  if (wanted.linear_light && !access_.half) {
    return broken_rule("linear_light is for R16G16B16A16_SFLOAT: the image is of another format");
  }
  NBL_TRY(shape_, picture_shape(input, wanted.channels_last, false));
  const ImageColor color = wanted.color.value_or(shape_.channels == 1 ? ImageColor::gray : ImageColor::rgb);
  const int64_t channels = color == ImageColor::gray ? 1 : 3;
  if (shape_.channels != channels) {
    return Error{Code::invalid_argument,
                 format("input %s has %lld channels, the colour has %lld", describe(input).c_str(),
                        static_cast<long long>(shape_.channels), static_cast<long long>(channels))};
  }
  color_ = color == ImageColor::gray ? NBL_IMAGE_LUMA : (color == ImageColor::bgr ? NBL_IMAGE_BGR : NBL_IMAGE_RGB);

  ImagePlacement place = wanted.placement;
  if (place.source_width == 0)
    place.source_width = image_.extent.width - std::min<uint32_t>(image_.extent.width, std::max(place.source_x, 0));
  if (place.source_height == 0)
    place.source_height = image_.extent.height - std::min<uint32_t>(image_.extent.height, std::max(place.source_y, 0));
  const auto out_w = static_cast<uint32_t>(shape_.width), out_h = static_cast<uint32_t>(shape_.height);
  if (place.width == 0) place.width = out_w;
  if (place.height == 0) place.height = out_h;
  NBL_CHECK(check_source(image_, place));
  const auto visible = [](int32_t at, uint32_t size, uint32_t out) {
    const int64_t first = std::max<int64_t>(-int64_t{at}, 0), last = std::min<int64_t>(size, int64_t{out} - at);
    return std::pair(first, last);
  };
  const auto [left, right] = visible(place.x, place.width, out_w);
  const auto [top, bottom] = visible(place.y, place.height, out_h);
  if (place.source_width == 0 || place.source_height == 0 || left >= right || top >= bottom || place.width > 1u << 15 ||
      place.height > 1u << 15) {
    return Error{
        Code::invalid_argument,
        format("the placement puts %u x %u pixels as %u x %u at %d, %d: none is in the input of %u x %u, or a "
               "size is beyond 32768",
               place.source_width, place.source_height, place.width, place.height, place.x, place.y, out_w, out_h)};
  }

  const uint32_t in_w = place.source_width, in_h = place.source_height;
  read_ = {place.source_x, place.source_y, in_w, in_h};
  params::ImageToTensorParams& p = to_tensor_;
  p.elements = static_cast<uint32_t>(input.elements());
  p.words = static_cast<uint32_t>((input.elements() * bytes_per_element(input.type) + 3) / 4);
  p.out_w = out_w;
  p.out_h = out_h;
  p.channels = static_cast<uint32_t>(channels);
  p.place_x = place.x;
  p.place_y = place.y;
  p.picture_w = place.width;
  p.picture_h = place.height;
  p.pitch = in_w;
  const auto [r, g, b] = wanted.fill;
  const uint32_t luma = (r * 19595u + g * 38470u + b * 7471u + 0x8000u) >> 16;
  p.fill = color == ImageColor::gray  ? luma * 0x010101u
           : color == ImageColor::bgr ? uint32_t{b} | uint32_t{g} << 8 | uint32_t{r} << 16
                                      : uint32_t{r} | uint32_t{g} << 8 | uint32_t{b} << 16;

  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    for (int pixel = 0; pixel < 256; ++pixel) {
      NBL_TRY(const uint32_t element, element_of(input, pixel, wanted.mean[c], wanted.std[c]));
      table_.push_back(element);
    }
  }
  const bool wider = place.width != in_w, higher = place.height != in_h;
  if (wanted.filter == ImageFilter::bilinear && (wider || higher)) {
    scaling_ = NBL_IMAGE_BILINEAR;
    p.taps = append_neighbours(table_, static_cast<int>(in_w), static_cast<int>(place.width));
    p.weights = append_neighbours(table_, static_cast<int>(in_h), static_cast<int>(place.height));
    return {};
  }
  const bool cubic = wanted.filter == ImageFilter::bicubic;
  if (wider) {
    scales_rows_ = true;
    const TableTaps taps = append_taps(table_, static_cast<int>(in_w), static_cast<int>(place.width), cubic);
    rows_ = {static_cast<uint32_t>(right - left),
             in_h,
             in_w,
             static_cast<uint32_t>(left),
             taps.taps,
             taps.weights,
             taps.stride};
    p.pitch = rows_.width;
    p.first_column = rows_.first;
  }
  if (higher) {
    scaling_ = NBL_IMAGE_COLUMNS;
    const TableTaps taps = append_taps(table_, static_cast<int>(in_h), static_cast<int>(place.height), cubic);
    p.taps = taps.taps;
    p.weights = taps.weights;
    p.stride = taps.stride;
  }
  return {};
}

Status ImageInput::build(const gpu::Device& device, const TensorInfo& input) {
  using gpu::Buffer, gpu::BufferPurpose;
  const uint64_t pixels = uint64_t{read_.width} * read_.height;
  const uint64_t scaled = scales_rows_ ? uint64_t{rows_.width} * rows_.height * 4 : 0;
  NBL_CHECK(check_reach(device, {pixels * (access_.half && access_.use.path == ImageUse::Path::copy ? 8 : 4),
                                 uint64_t{table_.size()} * 4, scaled}));
  NBL_TRY(words_, Buffer::create(device, pixels * 4, BufferPurpose::device_local, "image words"));
  NBL_TRY(tables_, Buffer::create(device, table_.size() * 4, BufferPurpose::upload, "image tables"));
  NBL_CHECK(tables_.write(0, std::as_bytes(std::span(table_))));
  table_ = {};
  if (scales_rows_) {
    NBL_TRY(scaled_, Buffer::create(device, scaled, BufferPurpose::device_local, "image rows"));
    NBL_TRY(rows_kernel_, ImageKernel::create(device, {.name = "image_rows", .buffers = 3}));
  }

  // A sampler gives SRGB images decoded.
  const bool sampled = access_.use.path == ImageUse::Path::sampled;
  const uint32_t encode = (sampled && access_.srgb) || preprocessing_.linear_light ? 1 : 0;
  const uint32_t read_constants[] = {color_, encode, access_.format};
  ImageKernel::Spec read{.name = "image_read_copy", .buffers = 2, .image = std::nullopt, .constants = read_constants};
  if (sampled) {
    read = {"image_read_sampled", 1, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, read_constants};
  } else if (access_.use.path == ImageUse::Path::storage) {
    read = {access_.half ? "image_read_rgba16f" : "image_read_rgba8", 1, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
            read_constants};
  } else {
    NBL_TRY(copied_,
            Buffer::create(device, pixels * (access_.half ? 8 : 4), BufferPurpose::device_local, "image copy"));
  }
  NBL_TRY(read_kernel_, ImageKernel::create(device, read));
  const uint32_t constants[] = {scaling_, static_cast<uint32_t>(bytes_per_element(input.type)),
                                shape_.channels_last ? 1u : 0u};
  NBL_TRY(to_tensor_kernel_,
          ImageKernel::create(device, {.name = "image_to_tensor", .buffers = 3, .constants = constants}));
  return {};
}

void ImageInput::record(gpu::CommandList& commands, const gpu::BufferRange& tensor, RecordedFor whom) {
  const uint64_t pixels = uint64_t{read_.width} * read_.height;
  if (access_.use.path == ImageUse::Path::copy) {
    commands.copy(gpu::ImagePart{image_.image, access_.use.layout, {read_.x, read_.y}, {read_.width, read_.height}},
                  copied_.whole());
    commands.barrier(gpu::transfer, gpu::compute);
    const gpu::BufferRange buffers[] = {words_.whole(), copied_.whole()};
    read_kernel_.record(commands, buffers, read_, pixels);
  } else {
    const gpu::BufferRange buffers[] = {words_.whole()};
    read_kernel_.record(commands, buffers, image_.view, access_.use.layout, whom, read_, pixels);
  }
  commands.barrier(gpu::compute, gpu::compute);
  if (scales_rows_) {
    const gpu::BufferRange buffers[] = {words_.whole(), tables_.whole(), scaled_.whole()};
    rows_kernel_.record(commands, buffers, rows_, uint64_t{rows_.width} * rows_.height);
    commands.barrier(gpu::compute, gpu::compute);
  }
  const gpu::BufferRange buffers[] = {scales_rows_ ? scaled_.whole() : words_.whole(), tables_.whole(), tensor};
  to_tensor_kernel_.record(commands, buffers, to_tensor_, to_tensor_.words);
}

}  // namespace nibble
