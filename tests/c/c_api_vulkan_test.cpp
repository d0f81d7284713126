// The C API inside an application's own frame.
#include <gtest/gtest.h>

#include "format/writer.h"
#include "gpu/app_image.h"
#include "gpu/buffer.h"
#include "gpu/device.h"
#include "gpu/frame.h"
#include "nibble/nibble_c_vulkan.h"
#include "nibble/vulkan.h"
#include "runtime/networks.h"
#include "runtime/open_device.h"

namespace nibble::test {
namespace {

constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;

void expect_ok(nbl_error* error) {
  EXPECT_EQ(error, nullptr) << nbl_error_message(error);
  nbl_error_free(error);
}

TEST(CApiVulkan, records_into_the_applications_frame) {
  const gpu::OwnDevice own;
  const gpu::Frame frame(own);
  const auto external = gpu::external_of(own.handles(), NBL_INIT(nbl_external_device));
  const auto bytes = model_bytes(residual_network()).value();
  nbl_device* device = nullptr;
  nbl_model* model = nullptr;
  nbl_session* session = nullptr;
  expect_ok(nbl_device_wrap(&external, nullptr, &device));
  expect_ok(nbl_model_load_memory(bytes.data(), bytes.size(), &model));
  expect_ok(nbl_session_create(device, model, nullptr, &session));
  ASSERT_NE(session, nullptr);

  const std::vector<float> input = some_values(kInput, 4);
  std::vector<float> expected(kOutput), got(kOutput);
  expect_ok(nbl_session_write(session, "x", NBL_F32, input.data(), kInput));
  expect_ok(nbl_session_run(session));
  expect_ok(nbl_session_read(session, "sum", NBL_F32, expected.data(), kOutput));

  {
    const Device buffers = Device::wrap(gpu::external_of(own.handles(), ExternalDevice{})).value();
    const gpu::Device& gpu = buffers.state()->gpu;
    const auto in = gpu::Buffer::create(gpu, kInput * 4, gpu::BufferPurpose::upload, "frame").value();
    const auto out = gpu::Buffer::create(gpu, kOutput * 4, gpu::BufferPurpose::readback, "result").value();
    ASSERT_TRUE(in.write(0, std::as_bytes(std::span(input))));
    expect_ok(nbl_session_bind_buffer(session, "x", in.handle(), 0));
    expect_ok(nbl_session_bind_buffer(session, "sum", out.handle(), 0));
    const VkCommandBuffer commands = frame.begin();
    expect_ok(nbl_session_record(session, commands));
    frame.end(commands);
    frame.submit({commands});
    ASSERT_TRUE(out.read(0, std::as_writable_bytes(std::span(got))));
    EXPECT_EQ(got, expected);
    expect_ok(nbl_session_bind_buffer(session, "x", VK_NULL_HANDLE, 0));
    expect_ok(nbl_session_bind_buffer(session, "sum", VK_NULL_HANDLE, 0));
  }
  nbl_session_free(session);
  nbl_model_free(model);
  nbl_device_close(device);
}

TEST(CApiVulkan, runs_on_images_in_slices_of_a_session_made_ahead) {
  const gpu::OwnDevice own;
  const gpu::Frame frame(own);
  const auto external = gpu::external_of(own.handles(), NBL_INIT(nbl_external_device));
  const auto bytes = model_bytes(residual_network()).value();
  nbl_device* device = nullptr;
  nbl_model* model = nullptr;
  nbl_session *session = nullptr, *plain = nullptr;
  nbl_preparation* ahead = nullptr;
  expect_ok(nbl_device_wrap(&external, nullptr, &device));
  expect_ok(nbl_model_load_memory(bytes.data(), bytes.size(), &model));
  expect_ok(nbl_preparation_start(device, model, nullptr, 1, 1, &ahead));
  expect_ok(nbl_preparation_take(ahead, &session));
  size_t done = 0, total = 0;
  int32_t finished = 0;
  nbl_preparation_progress(ahead, &done, &total, &finished);
  EXPECT_EQ(done, total);
  EXPECT_NE(finished, 0);
  nbl_preparation_free(ahead);
  expect_ok(nbl_session_create(device, model, nullptr, &plain));
  ASSERT_NE(session, nullptr);

  // Pixels of 255 and 0 become 1 and 0.
  std::vector<float> input(kInput), expected(kOutput);
  std::vector<uint8_t> pixels;
  for (size_t i = 0; i < 63; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const bool on = (i * 7 + c * 3) % 5 < 2;
      input[c * 63 + i] = on ? 1.0f : 0.0f;
      pixels.push_back(on ? 255 : 0);
    }
    pixels.push_back(255);
  }
  expect_ok(nbl_session_write(plain, "x", NBL_F32, input.data(), kInput));
  expect_ok(nbl_session_run(plain));
  expect_ok(nbl_session_read(plain, "sum", NBL_F32, expected.data(), kOutput));
  nbl_session_free(plain);
  {
    const Device buffers = Device::wrap(gpu::external_of(own.handles(), ExternalDevice{})).value();
    gpu::AppImage in(own, VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, VK_IMAGE_USAGE_SAMPLED_BIT);
    gpu::AppImage out(own, VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, VK_IMAGE_USAGE_STORAGE_BIT);
    in.upload(frame, buffers.state()->gpu, pixels);
    const auto image_of = [](const gpu::AppImage& image) {
      auto given = NBL_INIT(nbl_image);
      given.image = image.external().image;
      given.view = image.external().view;
      given.format = image.external().format;
      given.width = image.external().extent.width;
      given.height = image.external().extent.height;
      given.usage = image.external().usage;
      return given;
    };
    const nbl_image in_image = image_of(in), out_image = image_of(out);
    auto use = NBL_INIT(nbl_image_use);
    auto classes = NBL_INIT(nbl_image_postprocessing);
    classes.contents = NBL_IMAGE_ARGMAX_CONTENTS;
    expect_ok(nbl_session_bind_input_image(session, "x", &in_image, nullptr, &use));
    EXPECT_EQ(use.path, NBL_IMAGE_SAMPLED);
    EXPECT_EQ(use.layout, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    expect_ok(nbl_session_bind_output_image(session, "sum", &out_image, &classes, nullptr));
    auto slice = NBL_INIT(nbl_slice);
    for (int frames = 0; !slice.finished && frames < 1000; ++frames) {
      const VkCommandBuffer commands = frame.begin();
      in.transition(commands, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, use.stage, use.access);
      out.transition(commands, VK_IMAGE_LAYOUT_GENERAL, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                     VK_ACCESS_SHADER_WRITE_BIT);
      expect_ok(nbl_session_record_slice(session, commands, 1, 0, &slice));
      frame.end(commands);
      frame.submit({commands});
    }
    EXPECT_EQ(slice.first + slice.count, slice.total);
    const std::vector<uint8_t> shown = out.pixels(frame, buffers.state()->gpu);
    for (size_t i = 0; i < 63; ++i) {
      size_t best = 0;
      for (size_t c = 1; c < 6; ++c) best = expected[c * 63 + i] > expected[best * 63 + i] ? c : best;
      EXPECT_EQ(shown[4 * i], best) << i;
    }
    auto statistics = NBL_INIT(nbl_slice_statistics);
    expect_ok(nbl_session_slice_statistics(session, &statistics));
    auto wrong = NBL_INIT(nbl_image_preprocessing);
    wrong.filter = 9;
    nbl_error* error = nbl_session_bind_input_image(session, "x", &in_image, &wrong, nullptr);
    EXPECT_EQ(nbl_error_code(error), NBL_INVALID_ARGUMENT);
    nbl_error_free(error);
    expect_ok(nbl_session_unbind_image(session, "x"));
    expect_ok(nbl_session_unbind_image(session, "sum"));
  }
  expect_ok(nbl_session_submit_with(session, nullptr, 0, nullptr, 0));
  expect_ok(nbl_session_wait(session, UINT64_MAX, nullptr));
  expect_ok(nbl_session_run_slice(session, 1000, nullptr));
  expect_ok(nbl_session_restart_slices(session));

  size_t size = 0;
  expect_ok(nbl_device_cache_data(device, nullptr, 0, &size));
  std::vector<std::byte> kept(size);
  expect_ok(nbl_device_cache_data(device, kept.data(), kept.size(), &size));
  auto options = NBL_INIT(nbl_device_options);
  options.cache_data = kept.data();
  options.cache_bytes = kept.size();
  nbl_device* again = nullptr;
  expect_ok(nbl_device_wrap(&external, &options, &again));
  nbl_device_close(again);

  nbl_error* error = nbl_device_release(device);
  EXPECT_EQ(nbl_error_code(error), NBL_INVALID_ARGUMENT) << "a session is alive";
  nbl_error_free(error);
  nbl_session_free(session);
  expect_ok(nbl_device_release(device));
  nbl_model_free(model);
  nbl_device_close(device);
}

TEST(CApiVulkan, refuses_a_device_that_is_none) {
  const auto nothing = NBL_INIT(nbl_external_device);
  nbl_device* device = nullptr;
  nbl_error* error = nbl_device_wrap(&nothing, nullptr, &device);
  EXPECT_EQ(nbl_error_code(error), NBL_INVALID_ARGUMENT);
  EXPECT_EQ(device, nullptr);
  nbl_error_free(error);
  auto extensions = NBL_INIT(nbl_external_device);
  extensions.enabled_extension_count = 3;
  error = nbl_device_wrap(&extensions, nullptr, &device);
  EXPECT_EQ(nbl_error_code(error), NBL_INVALID_ARGUMENT);
  nbl_error_free(error);
}

}  // namespace
}  // namespace nibble::test
