// The game's network inside its frame, against the same network run plainly on another device.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "app/readback.h"
#include "game/frame_network.h"
#include "media/gpu_preprocessing.h"
#include "media/preprocess.h"
#include "nibble/nibble.h"
#include "sample_networks.h"
#include "scene/scene.h"

namespace nibble::test {
namespace {

// Through the host, as a program without a frame does it.
media::Image plain_run(const std::string& path, const media::Image& picture) {
  const Model model = Model::load(path).value();
  const auto preprocessing = media::parse_preprocessing(model.metadata().at("preprocess")).value();
  SessionOptions options;
  const std::vector<std::string>& dims = model.inputs()[0].dims;  // [1, 3, height, width]
  options.dims = {{dims.at(2), picture.height}, {dims.at(3), picture.width}};
  Session session = Session::create(Device::create().value(), model, options).value();
  const auto values = media::apply(preprocessing, picture, session.inputs()[0].shape);
  EXPECT_TRUE(values) << values.error().message;
  session.write("", std::span<const float>(*values)).value();
  session.run().value();
  const TensorInfo& info = session.outputs()[0];  // [1, 3, height, width]
  std::vector<float> output(info.elements());
  session.read("", std::span<float>(output)).value();
  // As the device rounds, in fp32: media::to_image() puts a tie on the other side now and then.
  const ImagePostprocessing wanted = media::gpu_postprocessing(preprocessing);
  const auto scale = static_cast<float>(wanted.scale), offset = static_cast<float>(wanted.offset);
  media::Image image = media::make_image(static_cast<int>(info.shape[3]), static_cast<int>(info.shape[2]), 3);
  const size_t pixels = output.size() / 3;
  for (size_t i = 0; i < output.size(); ++i) {
    const float value = std::clamp(output[i] * scale + offset, 0.0f, 255.0f);
    image.pixels[i % pixels * 3 + i / pixels] = static_cast<uint8_t>(value + 0.5f);
  }
  return image;
}

TEST(GameNetwork, ends_soon_when_it_is_not_wanted_any_more) {
  auto device = app::VulkanDevice::create({});
  ASSERT_TRUE(device) << device.error().message;
  const std::atomic<bool> cancelled{true};
  const auto network = game::FrameNetwork::open(**device, shipped_network("upscaler", "int8"), {64, 36}, cancelled);
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().message.find("not wanted"), std::string::npos) << network.error().message;
}

TEST(GameNetwork, gives_the_bits_of_a_plain_run) {
  const std::string path = shipped_network("upscaler", "int8");
  constexpr double kMoment = 1.5;
  auto device = app::VulkanDevice::create({.validation = true});
  ASSERT_TRUE(device) << device.error().message;
  {
    const std::atomic<bool> cancelled{false};
    auto network = game::FrameNetwork::open(**device, path, {64, 36}, cancelled);
    ASSERT_TRUE(network) << network.error().message;
    const auto size = (*network)->input_size();
    auto scene = scene::Scene::create(**device, static_cast<int>(size.width), static_cast<int>(size.height)).value();
    (*network)->bind(scene->image(), scene::Scene::kUsage).value();
    const media::Image picture = scene->picture(kMoment).value();
    const media::Image expected = plain_run(path, picture);
    // In slices, in one frame, and in slices whose times are known.
    for (const double budget_ms : {0.05, 10000.0, 1.0}) {
      size_t frames = 0;
      for (bool finished = false; !finished && frames < 10000; ++frames) {
        Status recorded;
        const Status submitted = (*device)->run_now([&](VkCommandBuffer commands) {
          scene->record(commands, kMoment);
          auto slice = (*network)->record(commands, budget_ms);
          if (!slice) recorded = slice.error();
          finished = slice && slice->finished;
        });
        ASSERT_TRUE(submitted) << submitted.error().message;
        ASSERT_TRUE(recorded) << recorded.error().message;
      }
      if (budget_ms > 1000) {
        EXPECT_EQ(frames, 1u);
      }
      const auto shown = app::read_back(**device, (*network)->output(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
      ASSERT_TRUE(shown) << shown.error().message;
      EXPECT_EQ(shown->width, expected.width);
      EXPECT_EQ(shown->height, expected.height);
      EXPECT_EQ(shown->pixels, expected.pixels) << "with a budget of " << budget_ms << " ms";
    }
  }
  const auto messages = (*device)->validation_messages();
  device->reset();
  EXPECT_EQ(*messages, 0u);
}

}  // namespace
}  // namespace nibble::test
