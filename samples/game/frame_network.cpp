#include "game/frame_network.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/text.h"
#include "core/try.h"
#include "media/gpu_preprocessing.h"
#include "nibble/prepare.h"

namespace nibble::game {
namespace {

constexpr VkImageUsageFlags kOutputUsage =
    VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;

// That compile a network; the others are for the frames that go on meanwhile.
constexpr size_t kThreads = 1;
constexpr std::chrono::milliseconds kPoll(5);

// Where [N, C, H, W] or [N, H, W, C] has its rows, or 0 where the shape is no picture of three channels.
size_t row_axis(const std::vector<int64_t>& shape, const media::Preprocessing& preprocessing) {
  if (shape.size() != 4) return 0;
  const bool nhwc = preprocessing.layout ? *preprocessing.layout == media::Layout::nhwc : shape[1] != 3;
  if (shape[nhwc ? 3 : 1] != 3) return 0;
  return nhwc ? 1 : 2;
}

Result<media::Preprocessing> preprocessing_of(const Model& model) {
  const auto found = model.metadata().find("preprocess");
  if (found == model.metadata().end()) return media::Preprocessing{};
  return media::parse_preprocessing(found->second);
}

}  // namespace

Result<std::unique_ptr<FrameNetwork>> FrameNetwork::open(app::VulkanDevice& device, const std::string& path,
                                                         VkExtent2D wanted, const std::atomic<bool>& cancelled) {
  NBL_TRY(const Model model, Model::load(path));
  NBL_TRY(const media::Preprocessing preprocessing, preprocessing_of(model));
  const Error no_picture{Code::invalid_argument, path + ": makes no RGB picture of an RGB picture"};
  if (model.inputs().size() != 1 || model.outputs().size() != 1) return no_picture;
  const TensorInfo& input = model.inputs()[0];
  const size_t row = row_axis(input.shape, preprocessing);
  if (row == 0 || row_axis(model.outputs()[0].shape, preprocessing) == 0) return no_picture;
  SessionOptions options;
  const int64_t sizes[] = {wanted.height, wanted.width};
  for (size_t i = 0; i < 2; ++i) {
    const std::string& dim = input.dims[row + i];
    const auto& free = model.free_dims();
    if (std::find(free.begin(), free.end(), dim) != free.end()) options.dims[dim] = sizes[i];
  }
  NBL_TRY(const Device nibble_device, device.wrap());
  NBL_TRY(Preparation ahead, Preparation::start(nibble_device, model, options, kThreads));
  while (!cancelled && !ahead.progress().finished) std::this_thread::sleep_for(kPoll);
  if (cancelled) return Error{Code::invalid_argument, path + ": not wanted any more"};
  NBL_TRY(Session session, ahead.take());
  const TensorInfo& bound = session.inputs()[0];
  std::unique_ptr<FrameNetwork> out(new FrameNetwork(device, std::move(session)));
  out->input_size_ = {static_cast<uint32_t>(bound.shape[row + 1]), static_cast<uint32_t>(bound.shape[row])};
  NBL_TRY(out->preprocessing_,
          media::gpu_preprocessing(preprocessing, static_cast<int>(out->input_size_.width),
                                   static_cast<int>(out->input_size_.height), out->session_.inputs()[0].shape));
  out->postprocessing_ = media::gpu_postprocessing(preprocessing);
  const std::vector<int64_t>& shape = out->session_.outputs()[0].shape;
  const size_t output_row = row_axis(shape, preprocessing);
  NBL_TRY(out->output_,
          app::GpuImage::create(device, static_cast<int>(shape[output_row + 1]), static_cast<int>(shape[output_row]),
                                VK_FORMAT_R8G8B8A8_UNORM, kOutputUsage));
  out->memory_ = out->session_.memory();
  NBL_CHECK(device.run_now([&](VkCommandBuffer commands) {
    app::change_layout(commands, out->output_.handle(), VK_IMAGE_LAYOUT_UNDEFINED,
                       VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  }));
  NBL_CHECK(out->create_timestamps());
  return out;
}

Status FrameNetwork::create_timestamps() {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device_.physical(), &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device_.physical(), &count, families.data());
  if (families[device_.queue_family()].timestampValidBits == 0) return {};
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device_.physical(), &properties);
  ns_per_tick_ = static_cast<double>(properties.limits.timestampPeriod);
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = 2;
  return app::check(vkCreateQueryPool(device_.handle(), &info, nullptr, &queries_), "vkCreateQueryPool");
}

FrameNetwork::~FrameNetwork() {
  device_.wait_idle();
  vkDestroyQueryPool(device_.handle(), queries_, nullptr);
}

Status FrameNetwork::bind(const app::GpuImage& scene, VkImageUsageFlags usage) {
  const auto external = [](const app::GpuImage& image, VkImageUsageFlags image_usage) {
    return ExternalImage{.image = image.handle(),
                         .view = image.view(),
                         .format = image.format(),
                         .extent = {static_cast<uint32_t>(image.width()), static_cast<uint32_t>(image.height())},
                         .usage = image_usage};
  };
  NBL_TRY(input_use_, bind_image(session_, session_.inputs()[0].name, external(scene, usage), preprocessing_));
  NBL_TRY(output_use_,
          bind_image(session_, session_.outputs()[0].name, external(output_, kOutputUsage), postprocessing_));
  if (input_use_.layout == VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL) return {};
  return Error{Code::internal, "the scene's image is not sampled by the network"};
}

Result<RunSlice> FrameNetwork::record(VkCommandBuffer commands, double budget_ms) {
  const std::chrono::nanoseconds budget(static_cast<int64_t>(budget_ms * 1e6));
  const std::chrono::nanoseconds previous(static_cast<int64_t>(measured_ms() * 1e6));
  if (queries_) {
    vkCmdResetQueryPool(commands, queries_, 0, 2);
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, queries_, 0);
  }
  // Only the last slice writes the output, and which one that is is known behind it: what the image holds stays.
  app::change_layout(commands, output_.handle(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, output_use_.layout);
  NBL_TRY(const RunSlice slice, record_slice(session_, commands, budget, previous));
  app::change_layout(commands, output_.handle(), output_use_.layout, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  if (queries_) vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, queries_, 1);
  recorded_ = true;
  return slice;
}

double FrameNetwork::measured_ms() const {
  if (!queries_ || !recorded_) return 0;
  uint64_t ticks[2] = {};
  if (vkGetQueryPoolResults(device_.handle(), queries_, 0, 2, sizeof(ticks), ticks, sizeof(uint64_t),
                            VK_QUERY_RESULT_64_BIT) != VK_SUCCESS) {
    return 0;
  }
  return static_cast<double>(ticks[1] - ticks[0]) * ns_per_tick_ / 1e6;
}

}  // namespace nibble::game
