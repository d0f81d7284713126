// What sessions allocate, upload and compile, counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "networks.h"
#include "session_fixture.h"

namespace {

// Drivers allocate in threads of their own; only the caller's thread is of interest.
thread_local uint64_t allocations_of_thread = 0;

void* counted(size_t bytes) {
  ++allocations_of_thread;
  return std::malloc(bytes ? bytes : 1);
}

}  // namespace

void* operator new(size_t bytes) {
  if (void* memory = counted(bytes)) return memory;
  std::abort();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace nibble::test {
namespace {

// A device without the validation layer, which allocates in the caller's thread.
Result<Device> plain_device() {
  const std::string before = std::getenv("NIBBLE_VALIDATION") ? std::getenv("NIBBLE_VALIDATION") : "";
  setenv("NIBBLE_VALIDATION", "0", 1);
  auto device = Device::create();
  setenv("NIBBLE_VALIDATION", before.c_str(), 1);
  return device;
}

TEST(Session, a_run_allocates_nothing_here_or_on_the_device) {
  auto device = plain_device();
  ASSERT_TRUE(device) << device.error().message;
  const auto stats = [&] { return device->state()->gpu.stats(); };
  const Model model = make_model(residual_network()).value();
  Session s = Session::create(*device, model).value();
  std::vector<float> in = some_values(3 * 9 * 7, 1), out(6 * 9 * 7);
  ASSERT_TRUE(s.run());  // the first run may still compile in the driver
  const gpu::DeviceStats before = stats();
  const uint64_t allocations = allocations_of_thread;
  bool ok = true;
  for (int i = 0; i < 10; ++i) {
    ok = ok && s.write("x", std::span<const float>(in)) && s.run() && s.read("sum", std::span<float>(out));
  }
  EXPECT_EQ(allocations_of_thread - allocations, 0u);
  EXPECT_TRUE(ok);
  const gpu::DeviceStats after = stats();
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.pipelines, before.pipelines);
  EXPECT_EQ(after.submissions - before.submissions, 10u);
  EXPECT_EQ(after.uploaded_bytes - before.uploaded_bytes, 10 * in.size() * sizeof(float));
}

TEST_F(SessionTest, device_memory_is_what_the_plan_says) {
  const uint64_t before = stats().allocated_bytes;
  Session s = session(model(residual_network()));
  EXPECT_EQ(stats().allocated_bytes - before, s.memory().total());
  EXPECT_NE(s.plan_text().find(std::to_string(s.memory().total()) + " B"), std::string::npos) << s.plan_text();
  EXPECT_GE(s.memory().weights, constant_bytes(residual_network()));
  ASSERT_TRUE(s.run());
  EXPECT_EQ(stats().allocated_bytes - before, s.memory().total());
}

TEST_F(SessionTest, everything_is_freed_with_the_session) {
  const uint64_t before = stats().allocated_bytes;
  const Model network = model(residual_network());
  {
    Session s = session(network);
    EXPECT_GT(stats().allocated_bytes, before);
  }
  EXPECT_EQ(stats().allocated_bytes, before);
}

TEST_F(SessionTest, two_sessions_share_weights_and_pipelines) {
  const Model network = model(deep_network(10));
  Session first = session(network);
  const gpu::DeviceStats one = stats();
  Session second = session(network);
  const gpu::DeviceStats two = stats();
  const MemoryUse use = second.memory();
  EXPECT_EQ(two.allocated_bytes - one.allocated_bytes, use.total() - use.weights);
  EXPECT_EQ(two.pipelines, one.pipelines);
  EXPECT_EQ(two.uploaded_bytes - one.uploaded_bytes, use.inputs + use.tables);
  EXPECT_EQ(first.memory().weights, use.weights);
}

TEST_F(SessionTest, weights_stay_while_any_session_uses_them) {
  const Model network = model(deep_network(5));
  std::optional<Session> first(session(network));
  Session second = session(network);
  first.reset();
  const uint64_t uploaded = stats().uploaded_bytes;
  Session third = session(network);
  EXPECT_EQ(stats().uploaded_bytes - uploaded, third.memory().inputs + third.memory().tables);
  EXPECT_TRUE(second.run());
}

TEST_F(SessionTest, binding_dimensions_keeps_weights_and_pipelines) {
  Session s = session(model(deep_network(10)));
  const gpu::DeviceStats before = stats();
  ASSERT_TRUE(s.bind_dims({{"N", 3}}));
  const gpu::DeviceStats after = stats();
  EXPECT_EQ(after.pipelines, before.pipelines);
  EXPECT_EQ(after.uploaded_bytes - before.uploaded_bytes, s.memory().inputs + s.memory().tables);
}

TEST_F(SessionTest, binding_much_larger_dimensions_takes_another_tile_and_back) {
  Session s = session(model(deep_network(10)));
  const std::string small = s.plan_text();
  ASSERT_TRUE(s.bind_dims({{"N", 64}}));
  const std::string fresh = session(model(deep_network(10)), {.dims = {{"N", 64}}}).plan_text();
  EXPECT_EQ(s.plan_text(), fresh) << "as a session of its own would be";
  ASSERT_TRUE(s.bind_dims({}));
  EXPECT_EQ(s.plan_text(), small);
}

TEST_F(SessionTest, weights_are_uploaded_once) {
  const uint64_t before = stats().uploaded_bytes;
  Session s = session(model(deep_network(10)));
  const uint64_t uploaded = stats().uploaded_bytes - before;
  const MemoryUse use = s.memory();
  EXPECT_GE(uploaded, constant_bytes(deep_network(10)));
  EXPECT_LE(uploaded, use.weights + use.tables + use.inputs);
}

TEST_F(SessionTest, a_profile_has_a_time_for_each_step) {
  SessionOptions options;
  options.profile = true;
  Session s = session(model(residual_network()), options);
  auto none = s.profile();
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  ASSERT_TRUE(s.run());
  auto times = s.profile();
  ASSERT_TRUE(times) << times.error().message;
  if (!device().state()->caps().has(gpu::Caps::timestamps)) {
    EXPECT_TRUE(times->empty());
    return;
  }
  uint64_t total = 0;
  for (const StepTime& time : *times) {
    EXPECT_FALSE(time.label.empty());
    EXPECT_NE(s.plan_text().find(time.kernel), std::string::npos);
    total += time.ns;
  }
  EXPECT_GE(times->size(), 3u);
  EXPECT_GT(total, 0u);
}

}  // namespace
}  // namespace nibble::test
