// Sessions on a device of the application's own.
#include "nibble/vulkan.h"

#include <gtest/gtest.h>

#include <cstring>

#include "gpu/frame.h"
#include "gpu/own_device.h"
#include "networks.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;

ExternalDevice external_of(const gpu::ExternalHandles& handles) { return gpu::external_of(handles, ExternalDevice{}); }

std::vector<float> floats_in(const gpu::Buffer& buffer, uint64_t offset, size_t count) {
  std::vector<float> values(count);
  EXPECT_TRUE(buffer.read(offset, std::as_writable_bytes(std::span(values))));
  return values;
}

std::vector<float> run_alone(Session& session, const std::vector<float>& input) {
  std::vector<float> output(kOutput);
  expect_ok(session.write("x", std::span<const float>(input)));
  expect_ok(session.run());
  expect_ok(session.read("sum", std::span<float>(output)));
  return output;
}

TEST(Wrapped, two_frames_read_and_write_the_applications_buffers) {
  const gpu::OwnDevice own;
  const gpu::Frame frame(own);
  auto device = Device::wrap(external_of(own.handles()));
  ASSERT_TRUE(device) << device.error().message;
  const Model model = make_model(residual_network()).value();
  Session session = Session::create(*device, model).value();
  const std::vector<float> inputs[2] = {some_values(kInput, 1), some_values(kInput, 2)};
  const std::vector<float> expected[2] = {run_alone(session, inputs[0]), run_alone(session, inputs[1])};

  // Both frames are pending at once: the second must not disturb the first's activations.
  const gpu::Device& gpu = device->state()->gpu;
  const uint64_t offset = 4096;
  std::vector<gpu::Buffer> in, out;
  std::vector<VkCommandBuffer> commands;
  for (size_t i = 0; i < 2; ++i) {
    in.push_back(gpu::Buffer::create(gpu, offset + kInput * 4, gpu::BufferPurpose::upload, "frame").value());
    out.push_back(gpu::Buffer::create(gpu, kOutput * 4, gpu::BufferPurpose::readback, "mask").value());
    expect_ok(in[i].write(offset, std::as_bytes(std::span(inputs[i]))));
    expect_ok(bind_buffer(session, "x", in[i].handle(), offset));
    expect_ok(bind_buffer(session, "sum", out[i].handle(), 0));
    commands.push_back(frame.begin());
    expect_ok(record(session, commands[i]));
    frame.end(commands[i]);
  }
  frame.submit(commands);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(floats_in(out[i], 0, kOutput), expected[i]);

  // The session's own runs use the bound buffers too, and its own memory again afterwards.
  expect_ok(in[1].write(offset, std::as_bytes(std::span(inputs[0]))));
  expect_ok(session.run());
  EXPECT_EQ(floats_in(out[1], 0, kOutput), expected[0]);
  expect_error(session.write("x", std::span<const float>(inputs[0])), Code::invalid_argument, {"'x'", "bound"});
  std::vector<float> output(kOutput);
  expect_error(session.read("sum", std::span<float>(output)), Code::invalid_argument, {"'sum'", "bound"});
  expect_ok(bind_buffer(session, "x", VK_NULL_HANDLE, 0));
  expect_ok(bind_buffer(session, "sum", VK_NULL_HANDLE, 0));
  EXPECT_EQ(run_alone(session, inputs[1]), expected[1]);
}

TEST(Wrapped, binding_what_cannot_be_bound_says_why) {
  const gpu::OwnDevice own;
  auto device = Device::wrap(external_of(own.handles())).value();
  const Model model = make_model(residual_network()).value();
  Session session = Session::create(device, model).value();
  const gpu::Buffer buffer =
      gpu::Buffer::create(device.state()->gpu, 4096, gpu::BufferPurpose::device_local, "buffer").value();
  expect_error(bind_buffer(session, "y", buffer.handle(), 0), Code::not_found, {"'y'", "'x'", "'sum'"});
  expect_error(bind_buffer(session, "x", buffer.handle(), 2), Code::invalid_argument, {"2", "multiples"});
  expect_error(record(session, VK_NULL_HANDLE), Code::invalid_argument, {});
}

TEST(Wrapped, a_device_without_handles_is_refused) {
  expect_error(Device::wrap(ExternalDevice{}), Code::invalid_argument, {});
}

// A driver whose device goes away at will.
PFN_vkGetInstanceProcAddr real_get_instance = nullptr;
PFN_vkGetDeviceProcAddr real_get_device = nullptr;
PFN_vkWaitForFences real_wait = nullptr;
bool gone = false;

VkResult VKAPI_CALL wait_or_lose(VkDevice device, uint32_t count, const VkFence* fences, VkBool32 all,
                                 uint64_t timeout) {
  const VkResult result = real_wait(device, count, fences, all, timeout);
  return gone ? VK_ERROR_DEVICE_LOST : result;
}

PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char* name) {
  const PFN_vkVoidFunction real = real_get_device(device, name);
  if (std::strcmp(name, "vkWaitForFences") != 0) return real;
  real_wait = reinterpret_cast<PFN_vkWaitForFences>(real);
  return reinterpret_cast<PFN_vkVoidFunction>(wait_or_lose);
}

PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char* name) {
  const PFN_vkVoidFunction real = real_get_instance(instance, name);
  if (std::strcmp(name, "vkGetDeviceProcAddr") != 0) return real;
  real_get_device = reinterpret_cast<PFN_vkGetDeviceProcAddr>(real);
  return reinterpret_cast<PFN_vkVoidFunction>(get_device);
}

TEST(Wrapped, after_a_lost_device_everything_says_so_and_nothing_crashes) {
  const gpu::OwnDevice own;
  ExternalDevice external = external_of(own.handles());
  real_get_instance = external.get_instance_proc_addr;
  external.get_instance_proc_addr = get_instance;
  gone = false;
  auto device = Device::wrap(external).value();
  const Model model = make_model(residual_network()).value();
  Session session = Session::create(device, model).value();
  std::vector<float> values(kInput), output(kOutput);
  expect_ok(session.run());
  gone = true;
  expect_error(session.run(), Code::device_lost, {});
  expect_error(session.run(), Code::device_lost, {"new Device"});
  expect_error(session.submit(), Code::device_lost, {});
  expect_error(session.wait(), Code::device_lost, {});
  expect_error(session.write("x", std::span<const float>(values)), Code::device_lost, {});
  expect_error(session.read("sum", std::span<float>(output)), Code::device_lost, {});
  expect_error(session.bind_dims({{"N", 2}}), Code::device_lost, {});
  expect_error(session.profile(), Code::device_lost, {});
  expect_error(record(session, VK_NULL_HANDLE), Code::device_lost, {});
}

}  // namespace
}  // namespace nibble::test
