// An application with a device, command buffers and images of its own.
#pragma once

#include "core/half.h"
#include "gpu/app_image.h"
#include "media/image.h"
#include "networks.h"
#include "session_fixture.h"

namespace nibble::test {

// One device for all tests of a process: each pipeline is compiled once.
class FrameTest : public ::testing::Test {
 protected:
  struct Application {
    gpu::OwnDevice own;
    gpu::Frame frame{own};
    Device device = Device::wrap(gpu::external_of(own.handles(), ExternalDevice{})).value();
  };
  static void SetUpTestSuite() { application() = std::make_unique<Application>(); }
  static void TearDownTestSuite() { application().reset(); }

  static const gpu::OwnDevice& own() { return application()->own; }
  static const gpu::Frame& frame() { return application()->frame; }
  static const Device& device() { return application()->device; }
  static const gpu::Device& gpu_device() { return device().state()->gpu; }

  static Session session_of(Graph graph, const SessionOptions& options = {}) {
    const Model model = make_model(std::move(graph)).value();
    return Session::create(device(), model, options).value();
  }

  // Records and runs a frame; the images are brought where their use wants them.
  static void run_frame(Session& session, std::vector<std::pair<gpu::AppImage*, ImageUse>> images) {
    const VkCommandBuffer commands = frame().begin();
    for (auto& [image, use] : images) image->transition(commands, use);
    expect_ok(record(session, commands));
    frame().end(commands);
    frame().submit({commands});
  }

 private:
  static std::unique_ptr<Application>& application() {
    static std::unique_ptr<Application> application;
    return application;
  }
};

inline media::Image some_picture(int width, int height) {
  media::Image image = media::make_image(width, height, 3);
  uint32_t state = 7;
  for (uint8_t& byte : image.pixels) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return image;
}

// The bytes of an image of that format which shows the picture.
inline std::vector<uint8_t> bytes_for(VkFormat format, const media::Image& picture) {
  const bool bgr = format == VK_FORMAT_B8G8R8A8_UNORM || format == VK_FORMAT_B8G8R8A8_SRGB;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    const uint8_t* rgb = &picture.pixels[i];
    if (format == VK_FORMAT_R16G16B16A16_SFLOAT) {
      for (int c = 0; c < 4; ++c) {
        const uint16_t half = half_from_float(c < 3 ? static_cast<float>(rgb[c]) / 255.0f : 1.0f);
        bytes.push_back(static_cast<uint8_t>(half));
        bytes.push_back(static_cast<uint8_t>(half >> 8));
      }
    } else {
      for (int c = 0; c < 3; ++c) bytes.push_back(rgb[bgr ? 2 - c : c]);
      bytes.push_back(200);
    }
  }
  return bytes;
}

}  // namespace nibble::test
