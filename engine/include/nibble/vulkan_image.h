// An application's images as inputs and outputs of a network, with no trip through the CPU: what comes before and after
// the network runs on the device, as a part of every run and recording of the session.
//
//   bind_image(session, "image", {scene, scene_view, VK_FORMAT_R8G8B8A8_UNORM, {1280, 720}, usage}, ImagePreprocessing{
//     .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}});
//   record(session, commands);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nibble/vulkan.h"

namespace nibble {

// A two-dimensional image with one sample a pixel, which stays the application's. Level 0 and layer 0 are used.
// Formats: R8G8B8A8 and B8G8R8A8 as UNORM or SRGB, and R16G16B16A16_SFLOAT.
struct ExternalImage {
  VkImage image = VK_NULL_HANDLE;
  // Of type 2D, aspect color, format `format`, without swizzles. Not needed where the image is copied (see ImageUse).
  VkImageView view = VK_NULL_HANDLE;
  VkFormat format = VK_FORMAT_UNDEFINED;  // of the view; where that has the bytes of the image's, they may differ
  VkExtent2D extent{};
  VkImageUsageFlags usage = 0;  // what the image was created with
  VkImageTiling tiling = VK_IMAGE_TILING_OPTIMAL;
  // The image's layout whenever a run or recording with it executes: that of ImageUse (UNDEFINED stands for it) or
  // VK_IMAGE_LAYOUT_GENERAL.
  VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
};

// The barriers that belong around a recording. Before an input is read, `access` at `stage` must see what was written
// to the image, which is in `layout`; the image stays in that layout and is only read. An output must be in `layout`
// (its contents may be undefined) and earlier uses of it be over as seen from `stage`; afterwards it was written by
// `access` at `stage` and is still in that layout. nibble records no transition and no barrier on an image.
struct ImageUse {
  // How the image is reached, by its usage, its format and what the device can do with that format:
  // inputs:  sampled (SAMPLED), else storage (STORAGE, RGBA8 UNORM or RGBA16F), else copy (TRANSFER_SRC);
  // outputs: storage (STORAGE, RGBA8 UNORM or RGBA16F), else copy (TRANSFER_DST).
  enum class Path { sampled, storage, copy };
  Path path = Path::sampled;
  VkPipelineStageFlags stage = 0;
  VkAccessFlags access = 0;
  VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
};

enum class ImageColor { rgb, bgr, gray };  // gray: ITU-R BT.601 luma
enum class ImageFilter {
  bilinear,   // the four nearest pixels, whatever the scale
  bicubic,    // Keys' kernel with a = -0.5, widened when scaling down
  antialias,  // triangle kernel, widened when scaling down
};

// A rectangle of the image, scaled to a size and laid into the network's input, whose other pixels have the fill
// colour. What lies outside of the input is cut off. Sizes of 0: the whole image; the size of the input.
struct ImagePlacement {
  int32_t source_x = 0, source_y = 0;
  uint32_t source_width = 0, source_height = 0;
  uint32_t width = 0, height = 0;
  int32_t x = 0, y = 0;
  bool operator==(const ImagePlacement&) const = default;
};
// The whole image in the middle of the input (or at its top left corner), as large as it fits.
NBL_API ImagePlacement letterboxed(VkExtent2D image, uint32_t input_width, uint32_t input_height, bool centered = true);
// The middle of the image that has the input's proportions.
NBL_API ImagePlacement center_cropped(VkExtent2D image, uint32_t input_width, uint32_t input_height);

// Elements of the input are (pixel / 255 - mean) / std, where a pixel's bytes are those of an 8-bit picture file: SRGB
// images as they are stored, floats clamped to 0..1 and rounded to bytes. They then are what the command-line tools
// make of the same picture: to the bit for bicubic and antialias and where nothing is scaled; with bilinear a byte may
// differ by 1, because fp32 rounds a tie to the other side than fp64.
struct ImagePreprocessing {
  ImagePlacement placement;  // default: stretched
  ImageFilter filter = ImageFilter::antialias;
  std::optional<ImageColor> color;          // default: gray for an input of one channel, else rgb
  std::optional<bool> channels_last;        // default: by where the input's shape has 1 or 3 channels, first preferred
  std::array<double, 3> mean = {0, 0, 0};   // in the order of `color`
  std::array<double, 3> std = {1, 1, 1};    // 1 / 255 gives elements of 0 to 255
  std::array<uint8_t, 3> fill = {0, 0, 0};  // red, green, blue
  bool linear_light = false;                // RGBA16F: holds linear light; encode it as sRGB first
  bool operator==(const ImagePreprocessing&) const = default;
};

// What an output becomes. Where it is smaller than the image, only its pixels are written.
struct ImagePostprocessing {
  enum class Contents {
    picture,  // 1 (gray), 3 or 4 channels: byte = value * scale + offset, rounded and clamped, what is no number is 0
    argmax,   // the palette's colour of the channel with the largest value, the first of equals
    classes,  // the palette's colour of the class that the output names
  };
  Contents contents = Contents::picture;
  double scale = 255, offset = 0;      // quantized outputs are dequantized first
  ImageColor color = ImageColor::rgb;  // of three channels: rgb or bgr
  std::optional<bool> channels_last;   // as above
  uint8_t alpha = 255;                 // of pictures without a fourth channel
  // red | green << 8 | blue << 16 | alpha << 24 of each class; classes beyond it have the last colour. Copied.
  std::span<const uint32_t> palette = {};
  int32_t x = 0, y = 0;       // where the top left pixel goes in the image
  bool linear_light = false;  // RGBA16F: is to hold linear light; decode sRGB last
};

// Uses the image in place of write() or of a bound buffer's contents, in all later runs and recordings: its
// preprocessing precedes the network, into the session's memory or the buffer that bind_buffer() names. An image of the
// same size, format, usage and tiling with the same preprocessing may be bound each frame: that is cheap and leaves the
// last `kImagesInFlight` recordings valid. Anything else, as bind_buffer() with VK_NULL_HANDLE does, ends the life of
// every recording, allocates and compiles; so do bind_dims(), which forgets all images, and unbind_image().
// invalid_argument says what is wrong with the image, or what it lacks, and what would do.
NBL_API Result<ImageUse> bind_image(Session& session, std::string_view input, const ExternalImage& image,
                                    const ImagePreprocessing& preprocessing = {});
// The same for an output: the image is written behind the network. read() is refused then.
NBL_API Result<ImageUse> bind_image(Session& session, std::string_view output, const ExternalImage& image,
                                    const ImagePostprocessing& postprocessing);
// Back to write() and read(), of an input or output of that name, or with an empty name of all. Does nothing where no
// image is bound.
NBL_API Status unbind_image(Session& session, std::string_view name);

inline constexpr uint32_t kImagesInFlight = 4;

}  // namespace nibble
