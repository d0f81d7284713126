// Rules that an application may break, which are told before a driver meets them; and threads, devices and queues.
#include <atomic>
#include <mutex>
#include <thread>

#include "frame_fixture.h"
#include "nibble/tune.h"

namespace nibble::test {
namespace {

using ApplicationRules = FrameTest;
constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;

ExternalDevice external_of(const gpu::OwnDevice& own) { return gpu::external_of(own.handles(), ExternalDevice{}); }

std::vector<float> run_on(Session& session, const std::vector<float>& input) {
  std::vector<float> output(kOutput);
  expect_ok(session.write("x", std::span<const float>(input)));
  expect_ok(session.run());
  expect_ok(session.read("sum", std::span<float>(output)));
  return output;
}

TEST_F(ApplicationRules, handles_of_another_device_are_refused) {
  const gpu::OwnDevice other;
  ExternalDevice mixed = external_of(own());
  mixed.queue = other.handles().queue;
  expect_error(Device::wrap(mixed), Code::invalid_argument, {"queue belongs to another device"});
  mixed = external_of(own());
  mixed.physical_device = other.handles().physical_device;
  expect_error(Device::wrap(mixed), Code::invalid_argument, {"physical device", "instance"});
  mixed = external_of(own());
  mixed.queue_family = 7;
  expect_error(Device::wrap(mixed), Code::unsupported_device, {"queue family 7 cannot compute"});

  const char* const nameless[] = {nullptr};
  mixed = external_of(own());
  mixed.enabled_extensions = nameless;
  expect_error(Device::wrap(mixed), Code::invalid_argument, {"enabled extension is null"});

  Session session = session_of(residual_network());
  const gpu::Frame others_frame(other);
  const VkCommandBuffer commands = others_frame.begin();
  expect_error(record(session, commands), Code::invalid_argument, {"command buffer belongs to another device"});
  expect_error(record_slice(session, commands, std::chrono::milliseconds(1)), Code::invalid_argument,
               {"command buffer belongs to another device"});
  others_frame.end(commands);
}

TEST_F(ApplicationRules, a_buffer_that_is_too_small_is_refused) {
  Session session = session_of(residual_network());
  const gpu::Buffer buffer =
      gpu::Buffer::create(gpu_device(), kInput * 4, gpu::BufferPurpose::device_local, "small").value();
  const uint64_t step = gpu_device().caps().offset_alignment * 64;
  expect_error(bind_buffer(session, "x", buffer.handle(), step), Code::invalid_argument, {"'x'", "756 bytes"});
  expect_error(bind_buffer(session, "x", buffer.handle(), UINT64_MAX - step + 1), Code::invalid_argument, {"'x'"});
}

TEST_F(ApplicationRules, a_device_outlives_its_sessions) {
  Device device = Device::wrap(external_of(own())).value();
  Device copy = device;
  const Model model = make_model(residual_network()).value();
  {
    Session first = Session::create(device, model).value(), second = Session::create(device, model).value();
    expect_error(device.release(), Code::invalid_argument, {"2 sessions", "destroy them first"});
    expect_ok(first.run());  // nothing was changed
  }
  expect_ok(device.release());
  expect_ok(copy.release());
  expect_error(Session::create(copy, model), Code::invalid_argument, {"released"});
  expect_error(tune(copy, model), Code::invalid_argument, {"released"});
  expect_error(copy.save_pipeline_cache(), Code::invalid_argument, {"released"});
  EXPECT_FALSE(device.name().empty());
}

// Validation's object tracking tells of everything that is left at vkDestroyDevice.
TEST(ApplicationDevice, is_left_as_it_was) {
  const Model model = make_model(residual_network()).value();
  const gpu::OwnDevice own;
  {
    const gpu::Frame frame(own);
    Device device = Device::wrap(external_of(own)).value();
    gpu::AppImage image(own, VK_FORMAT_R8G8B8A8_UNORM, {12, 12}, VK_IMAGE_USAGE_SAMPLED_BIT);
    Session session = Session::create(device, model).value();
    ASSERT_TRUE(bind_image(session, "x", image.external()));
    const VkCommandBuffer commands = frame.begin();
    expect_ok(record(session, commands));
    frame.end(commands);
    ASSERT_TRUE(unbind_image(session, "x"));
    ASSERT_TRUE(session.run_slice(std::chrono::milliseconds(1)));
  }
  // One that is released while handles to it live on.
  Device released = Device::wrap(external_of(own)).value();
  { Session session = Session::create(released, model).value(); }
  expect_ok(released.release());
}

TEST_F(ApplicationRules, two_threads_in_one_session_are_told) {
  Session session = session_of(residual_network());
  const std::vector<float> input = some_values(kInput, 1);
  std::atomic<int> told{0}, other{0}, worked{0};
  const auto work = [&] {
    for (int i = 0; i < 60; ++i) {
      for (const Status& status : {session.write("x", std::span<const float>(input)), session.run()}) {
        if (status) {
          ++worked;
        } else {
          ++(status.error().message.find("another thread is in a call") != std::string::npos ? told : other);
        }
      }
    }
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
  EXPECT_EQ(other, 0);
  EXPECT_GT(worked, 0);
  EXPECT_EQ(told + worked, 240);
}

TEST_F(ApplicationRules, sessions_devices_and_threads_do_not_disturb_each_other) {
  const Model model = make_model(residual_network()).value();
  std::vector<std::vector<float>> inputs, expected;
  {
    Session session = Session::create(device(), model).value();
    for (uint32_t i = 0; i < 4; ++i) {
      inputs.push_back(some_values(kInput, i));
      expected.push_back(run_on(session, inputs[i]));
    }
  }
  // Two devices of the application and two of nibble's own, one model, a session and a thread each.
  const gpu::OwnDevice second;
  const Device devices[] = {device(), Device::wrap(external_of(second)).value(), Device::create().value(),
                            Device::create().value()};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Session session = Session::create(devices[i], model).value();
      for (int run = 0; run < 10; ++run) {
        const std::vector<float> got = run_on(session, inputs[i]);
        // Wrapped devices have fewer features than nibble's own, so that floats may be summed in another order.
        if (i < 2) {
          EXPECT_EQ(got, expected[i]);
        } else {
          expect_close(got, expected[i], kFp32Tolerance);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class Semaphores {
 public:
  Semaphores(const gpu::OwnDevice& own, bool timeline) : own_(own) {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr, VK_SEMAPHORE_TYPE_TIMELINE,
                                   0};
    VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, timeline ? &type : nullptr, 0};
    for (VkSemaphore& semaphore : semaphores_) {
      const auto create = own.load<PFN_vkCreateSemaphore>("vkCreateSemaphore");
      EXPECT_EQ(create(own.handles().device, &info, nullptr, &semaphore), VK_SUCCESS);
    }
  }
  Semaphores(const Semaphores&) = delete;
  Semaphores& operator=(const Semaphores&) = delete;
  ~Semaphores() {
    for (VkSemaphore semaphore : semaphores_) {
      own_.load<PFN_vkDestroySemaphore>("vkDestroySemaphore")(own_.handles().device, semaphore, nullptr);
    }
  }
  VkSemaphore operator[](size_t i) const { return semaphores_[i]; }

 private:
  const gpu::OwnDevice& own_;
  std::array<VkSemaphore, 2> semaphores_{};
};

TEST(ApplicationQueue, waits_for_and_signals_timeline_semaphores) {
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
  timeline.timelineSemaphore = VK_TRUE;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &timeline, {}};
  const gpu::OwnDevice own(&features);
  const Semaphores semaphores(own, true);
  ExternalDevice external = external_of(own);
  external.enabled_features = &features;
  const Device device = Device::wrap(external).value();
  Session session = Session::create(device, make_model(residual_network()).value()).value();
  const std::vector<float> input = some_values(kInput, 2);
  const std::vector<float> expected = run_on(session, input);
  const SemaphoreUse wait[] = {{semaphores[0], 3}}, signal[] = {{semaphores[1], 5}};
  expect_ok(submit(session, wait, signal));
  EXPECT_FALSE(session.wait(std::chrono::milliseconds(20)).value()) << "the application has not signalled yet";
  expect_error(session.run(), Code::invalid_argument, {"in flight"});
  VkSemaphoreSignalInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, semaphores[0], 3};
  ASSERT_EQ(own.load<PFN_vkSignalSemaphore>("vkSignalSemaphore")(own.handles().device, &info), VK_SUCCESS);
  EXPECT_TRUE(session.wait().value());
  // A run's fence and its semaphores are signalled in no given order, so its value may come a moment later.
  const VkSemaphore signalled = semaphores[1];
  const uint64_t value = 5, second = 1'000'000'000;
  VkSemaphoreWaitInfo arrival{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &signalled, &value};
  EXPECT_EQ(own.load<PFN_vkWaitSemaphores>("vkWaitSemaphores")(own.handles().device, &arrival, 10 * second),
            VK_SUCCESS);
  uint64_t reached = 0;
  own.load<PFN_vkGetSemaphoreCounterValue>("vkGetSemaphoreCounterValue")(own.handles().device, signalled, &reached);
  EXPECT_EQ(reached, value);
  std::vector<float> output(kOutput);
  expect_ok(session.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);
}

// Phones have one queue for everything: the application's frames, slices, runs and uploads all go there.
TEST_F(ApplicationRules, one_queue_is_enough) {
  Session recorded = session_of(residual_network()), sliced = session_of(residual_network());
  Session run = session_of(residual_network());
  const std::vector<float> input = some_values(kInput, 8);
  expect_ok(recorded.write("x", std::span<const float>(input)));
  expect_ok(sliced.write("x", std::span<const float>(input)));
  expect_ok(run.write("x", std::span<const float>(input)));
  std::vector<float> expected;
  for (bool finished = false; !finished;) {
    expect_ok(run.submit());
    const VkCommandBuffer commands = frame().begin();
    expect_ok(record(recorded, commands));
    finished = record_slice(sliced, commands, std::chrono::microseconds(20)).value().finished;
    frame().end(commands);
    frame().submit({commands});
    EXPECT_TRUE(run.wait().value());
    expected = run_on(run, input);
  }
  for (const Session* session : {&recorded, &sliced}) {
    std::vector<float> output(kOutput);
    expect_ok(session->read("sum", std::span<float>(output)));
    EXPECT_EQ(output, expected);
  }
}

// The application draws in one thread while sessions are made and run in another, all on its one queue.
TEST_F(ApplicationRules, a_queue_may_be_shared_under_the_applications_lock) {
  std::mutex mutex;
  std::atomic<size_t> locked{0}, unlocked{0};
  ExternalDevice external = external_of(own());
  external.lock_queue = [&] { mutex.lock(), ++locked; };
  expect_error(Device::wrap(external), Code::invalid_argument, {"lock_queue and unlock_queue"});
  external.unlock_queue = [&] { ++unlocked, mutex.unlock(); };
  const Device device = Device::wrap(external).value();
  Session drawn = Session::create(device, make_model(residual_network()).value()).value();
  const std::vector<float> input = some_values(kInput, 9);
  const std::vector<float> expected = run_on(drawn, input);
  std::atomic<bool> over{false};
  std::thread worker([&] {
    for (int i = 0; i < 4; ++i) {
      Session made = Session::create(device, make_model(residual_network()).value()).value();
      for (int run = 0; run < 4; ++run) EXPECT_EQ(run_on(made, input), expected);
    }
    over = true;
  });
  for (size_t frames = 0; !over || frames == 0; ++frames) {
    const VkCommandBuffer commands = frame().begin();
    expect_ok(record(drawn, commands));
    frame().end(commands);
    const std::lock_guard lock(mutex);
    frame().submit({commands});
  }
  worker.join();
  EXPECT_EQ(locked, device.state()->gpu.stats().submissions);
  EXPECT_EQ(unlocked, locked);
  std::vector<float> output(kOutput);
  expect_ok(drawn.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);
}

TEST_F(ApplicationRules, without_timelines_semaphores_are_binary) {
  const Semaphores semaphores(own(), false);
  Session first = session_of(residual_network()), second = session_of(residual_network());
  const SemaphoreUse link[] = {{semaphores[0], 0}}, valued[] = {{semaphores[0], 4}}, null[] = {{VK_NULL_HANDLE, 0}};
  expect_error(submit(first, {}, valued), Code::invalid_argument, {"timelineSemaphore"});
  expect_error(submit(first, null, {}), Code::invalid_argument, {"null"});
  expect_ok(submit(first, {}, link));
  expect_ok(submit(second, link, {}));
  EXPECT_TRUE(second.wait().value());
  EXPECT_TRUE(first.wait().value());
}

}  // namespace
}  // namespace nibble::test
