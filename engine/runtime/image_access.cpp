#include "runtime/image_access.h"

#include <algorithm>
#include <string>

#include "core/rule.h"
#include "core/text.h"
#include "gpu/device_state.h"
#include "image_params.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

using Path = ImageUse::Path;

struct FormatRow {
  VkFormat format;
  const char* name;
  uint32_t words;
  bool srgb, storage;  // storage: a shader can name the format (Vulkan specification, "Required Format Support")
};
constexpr FormatRow kFormats[] = {
    {VK_FORMAT_R8G8B8A8_UNORM, "R8G8B8A8_UNORM", NBL_IMAGE_RGBA8, false, true},
    {VK_FORMAT_R8G8B8A8_SRGB, "R8G8B8A8_SRGB", NBL_IMAGE_RGBA8, true, false},
    {VK_FORMAT_B8G8R8A8_UNORM, "B8G8R8A8_UNORM", NBL_IMAGE_BGRA8, false, false},
    {VK_FORMAT_B8G8R8A8_SRGB, "B8G8R8A8_SRGB", NBL_IMAGE_BGRA8, true, false},
    {VK_FORMAT_R16G16B16A16_SFLOAT, "R16G16B16A16_SFLOAT", NBL_IMAGE_RGBA16F, false, true},
};

Error refused(const std::string& why) { return broken_rule("the image " + why); }

// By the device or by the size of a user's picture, which no application can know ahead: not a rule.
Error beyond(const std::string& why) { return {Code::invalid_argument, "the image " + why}; }

Result<const FormatRow*> find_format(VkFormat format) {
  std::string known;
  for (const FormatRow& row : kFormats) {
    if (row.format == format) return &row;
    known += std::string(known.empty() ? "" : ", ") + row.name;
  }
  return refused(format == VK_FORMAT_UNDEFINED
                     ? "has no format"
                     : nibble::format("is of VkFormat %d, which is not one of ", static_cast<int>(format)) + known);
}

struct PathRow {
  Path path;
  VkImageUsageFlags usage;
  VkFormatFeatureFlags feature;
  ImageUse use;
  const char* usage_name;
};
constexpr PathRow kReads[] = {
    {Path::sampled,
     VK_IMAGE_USAGE_SAMPLED_BIT,
     VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT,
     {Path::sampled, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT,
      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
     "SAMPLED"},
    {Path::storage,
     VK_IMAGE_USAGE_STORAGE_BIT,
     VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT,
     {Path::storage, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT, VK_IMAGE_LAYOUT_GENERAL},
     "STORAGE"},
    {Path::copy,
     VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
     VK_FORMAT_FEATURE_TRANSFER_SRC_BIT,
     {Path::copy, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL},
     "TRANSFER_SRC"},
};
constexpr PathRow kWrites[] = {
    {Path::storage,
     VK_IMAGE_USAGE_STORAGE_BIT,
     VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT,
     {Path::storage, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT, VK_IMAGE_LAYOUT_GENERAL},
     "STORAGE"},
    {Path::copy,
     VK_IMAGE_USAGE_TRANSFER_DST_BIT,
     VK_FORMAT_FEATURE_TRANSFER_DST_BIT,
     {Path::copy, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL},
     "TRANSFER_DST"},
};

Result<ImageUse> choose_path(const FormatRow& format, const ExternalImage& image, VkFormatFeatureFlags features,
                             std::span<const PathRow> rows) {
  std::string why;
  bool by_device = false;
  for (const PathRow& row : rows) {
    if (row.path == Path::storage && !format.storage) continue;
    if (!(image.usage & row.usage)) {
      why += std::string(why.empty() ? "lacks usage " : " or ") + row.usage_name;
    } else if (!(features & row.feature)) {
      by_device = true;
      why += std::string(why.empty() ? "" : "; ") + "cannot be used as " + row.usage_name +
             " on this device with format " + format.name + " and this tiling";
    } else if (row.path != Path::copy && !image.view) {
      why += std::string(why.empty() ? "" : "; ") + "has no view, which usage " + row.usage_name + " needs";
    } else {
      return row.use;
    }
  }
  why += nibble::format(": with format %s it has usage 0x%x", format.name, image.usage);
  return by_device ? beyond(why) : refused(why);
}

}  // namespace

Result<ImageAccess> image_access(const gpu::Device& device, const ExternalImage& image, bool written) {
  if (!image.image) return refused("is null");
  const uint64_t pixels = uint64_t{image.extent.width} * image.extent.height;
  if (pixels == 0 || image.extent.width > 1u << 15 || image.extent.height > 1u << 15) {
    return beyond(nibble::format("has a size of %u x %u, expected 1 to 32768 either way", image.extent.width,
                                 image.extent.height));
  }
  if (image.usage == 0) return refused("has no usage: give what it was created with");
  if (image.tiling != VK_IMAGE_TILING_OPTIMAL && image.tiling != VK_IMAGE_TILING_LINEAR) {
    return refused(nibble::format("has tiling %d, expected optimal or linear", static_cast<int>(image.tiling)));
  }
  auto format = find_format(image.format);
  if (!format) return format.error();
  const gpu::DeviceState& state = device.state();
  VkFormatProperties properties{};
  state.instance_table.vkGetPhysicalDeviceFormatProperties(state.physical, image.format, &properties);
  const VkFormatFeatureFlags features =
      image.tiling == VK_IMAGE_TILING_LINEAR ? properties.linearTilingFeatures : properties.optimalTilingFeatures;
  auto use = choose_path(**format, image, features, written ? std::span<const PathRow>(kWrites) : kReads);
  if (!use) return use.error();
  if (image.layout == VK_IMAGE_LAYOUT_GENERAL) {
    use->layout = VK_IMAGE_LAYOUT_GENERAL;
  } else if (image.layout != VK_IMAGE_LAYOUT_UNDEFINED && image.layout != use->layout) {
    return refused(nibble::format("is said to be in layout %d, expected %d for this use, or GENERAL",
                                  static_cast<int>(image.layout), static_cast<int>(use->layout)));
  }
  return ImageAccess{*use, (*format)->words, (*format)->srgb, image.format == VK_FORMAT_R16G16B16A16_SFLOAT};
}

Status check_reach(const gpu::Device& device, std::initializer_list<uint64_t> buffers) {
  const uint64_t largest = std::max(buffers), most = device.caps().max_buffer_range;
  if (largest <= most) return {};
  return beyond(nibble::format("takes %llu bytes of memory, the device reaches %llu in one buffer",
                               static_cast<unsigned long long>(largest), static_cast<unsigned long long>(most)));
}

Result<PictureShape> picture_shape(const TensorInfo& info, const std::optional<bool>& channels_last, bool four) {
  const auto& shape = info.shape;
  const size_t rank = shape.size();
  const auto is_channels = [&](int64_t size) { return size == 1 || size == 3 || (four && size == 4); };
  PictureShape out;
  if (rank == 2) return PictureShape{shape[0], shape[1], 1, false};
  if ((rank != 3 && rank != 4) || (rank == 4 && shape[0] != 1)) {
    return Error{Code::invalid_argument,
                 describe(info) + " is no picture: [1, C, H, W], [1, H, W, C] or the same without the 1 is needed"};
  }
  const size_t at = rank - 3;
  out.channels_last = channels_last.value_or(!is_channels(shape[at]) && is_channels(shape[rank - 1]));
  if (out.channels_last) return PictureShape{shape[at], shape[at + 1], shape[at + 2], true};
  return PictureShape{shape[at + 1], shape[at + 2], shape[at], false};
}

}  // namespace nibble
