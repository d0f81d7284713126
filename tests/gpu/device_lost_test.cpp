// Failures that a healthy driver never shows, injected through the vkGetInstanceProcAddr that an application hands
// over.
#include <cstring>

#include "gpu_fixture.h"
#include "own_device.h"

namespace nibble::gpu {
namespace {

PFN_vkGetInstanceProcAddr real_get_instance = nullptr;
PFN_vkGetDeviceProcAddr real_get_device = nullptr;

VkResult VKAPI_CALL lost_submit(VkQueue, uint32_t, const VkSubmitInfo*, VkFence) { return VK_ERROR_DEVICE_LOST; }
VkResult VKAPI_CALL empty_submit(VkQueue, uint32_t, const VkSubmitInfo*, VkFence) { return VK_SUCCESS; }
VkResult VKAPI_CALL lost_wait(VkDevice, uint32_t, const VkFence*, VkBool32, uint64_t) { return VK_ERROR_DEVICE_LOST; }
VkResult VKAPI_CALL late_wait(VkDevice, uint32_t, const VkFence*, VkBool32, uint64_t timeout) {
  return timeout == UINT64_MAX ? VK_SUCCESS : VK_TIMEOUT;
}
VkResult VKAPI_CALL no_memory(VkDevice, const VkMemoryAllocateInfo*, const VkAllocationCallbacks*, VkDeviceMemory*) {
  return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

struct Fault {
  const char* function;
  PFN_vkVoidFunction replacement;
};
std::vector<Fault> faults;

PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char* name) {
  for (const Fault& fault : faults) {
    if (std::strcmp(fault.function, name) == 0) return fault.replacement;
  }
  return real_get_device(device, name);
}

PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char* name) {
  if (std::strcmp(name, "vkGetDeviceProcAddr") != 0) return real_get_instance(instance, name);
  real_get_device = reinterpret_cast<PFN_vkGetDeviceProcAddr>(real_get_instance(instance, name));
  return reinterpret_cast<PFN_vkVoidFunction>(get_device);
}

template <class Function>
PFN_vkVoidFunction as_void(Function function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

class Faulty : public testing::Test {
 protected:
  void make(std::vector<Fault> wanted) {
    faults = std::move(wanted);
    ExternalHandles handles = own_.handles();
    real_get_instance = handles.get_instance_proc_addr;
    handles.get_instance_proc_addr = get_instance;
    device_.emplace(Device::wrap(handles, {}).value());
  }
  CommandList recorded() {
    CommandList list = CommandList::create(*device_, "faulty").value();
    list.begin().value();
    list.barrier(compute, compute);
    list.finish().value();
    return list;
  }

  OwnDevice own_;
  std::optional<Device> device_;
};

TEST_F(Faulty, a_device_lost_at_submission_is_reported_and_can_be_let_go) {
  make({{"vkQueueSubmit", as_void(lost_submit)}});
  CommandList list = recorded();
  const auto status = list.submit();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::device_lost);
  EXPECT_FALSE(list.running());
}

TEST_F(Faulty, a_device_lost_while_running_is_reported_once_waited_for) {
  make({{"vkQueueSubmit", as_void(empty_submit)}, {"vkWaitForFences", as_void(lost_wait)}});
  CommandList list = recorded();
  ASSERT_TRUE(list.submit());
  const auto done = list.wait(kSecond);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::device_lost);
  EXPECT_FALSE(list.running());
}

TEST_F(Faulty, a_run_that_takes_longer_than_the_timeout_is_still_running) {
  make({{"vkQueueSubmit", as_void(empty_submit)}, {"vkWaitForFences", as_void(late_wait)}});
  CommandList list = recorded();
  ASSERT_TRUE(list.submit());
  const auto done = list.wait(kSecond);
  ASSERT_TRUE(done);
  EXPECT_FALSE(*done);
  EXPECT_TRUE(list.running());
  EXPECT_FALSE(list.submit());
  EXPECT_TRUE(list.wait(UINT64_MAX).value());
}

TEST_F(Faulty, exhausted_memory_names_buffer_and_size) {
  make({{"vkAllocateMemory", as_void(no_memory)}});
  const auto buffer = Buffer::create(*device_, 12345, BufferPurpose::device_local, "activations");
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, Code::out_of_memory);
  EXPECT_NE(buffer.error().message.find("activations"), std::string::npos) << buffer.error().message;
  EXPECT_EQ(device_->stats().allocated_bytes, 0u);
  EXPECT_GT(device_->stats().allocations, 0u);
}

TEST_F(Faulty, an_implementation_that_lacks_a_function_is_refused) {
  faults = {{"vkCmdDispatch", nullptr}};
  ExternalHandles handles = own_.handles();
  real_get_instance = handles.get_instance_proc_addr;
  handles.get_instance_proc_addr = get_instance;
  const auto device = Device::wrap(handles, {});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, Code::unsupported_device);
  EXPECT_NE(device.error().message.find("vkCmdDispatch"), std::string::npos);
}

}  // namespace
}  // namespace nibble::gpu
