// The C API inside an application's own frame.
#include <gtest/gtest.h>

#include "format/writer.h"
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
