// No hitch at the first run: sessions made ahead in a thread, and caches that an application keeps itself.
#include "nibble/prepare.h"

#include <chrono>
#include <functional>
#include <thread>

#include "frame_fixture.h"
#include "gpu/cache_file.h"

namespace nibble::test {
namespace {

using Preparing = FrameTest;
constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;

std::vector<float> run_on(Session& session) {
  std::vector<float> output(kOutput);
  expect_ok(session.write("x", std::span<const float>(some_values(kInput, 1))));
  expect_ok(session.run());
  expect_ok(session.read("sum", std::span<float>(output)));
  return output;
}

double ms_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

TEST_F(Preparing, compiles_in_another_thread) {
  const Device fresh = Device::create().value();
  const Model model = make_model(residual_network()).value();
  Preparation ahead = Preparation::start(fresh, model, {}, 1).value();
  while (!ahead.progress().finished) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const PrepareProgress progress = ahead.progress();
  EXPECT_GT(progress.total, 0u);
  EXPECT_EQ(progress.done, progress.total);
  Session session = ahead.take().value();
  expect_error(ahead.take(), Code::invalid_argument, {"once"});
  const uint64_t made = fresh.state()->gpu.stats().pipelines;
  Session direct = Session::create(fresh, model).value();
  EXPECT_EQ(fresh.state()->gpu.stats().pipelines, made);
  EXPECT_EQ(run_on(session), run_on(direct));
}

TEST_F(Preparing, runs_once_where_it_may) {
  const Device fresh = Device::create().value();
  const Model model = make_model(residual_network()).value();
  Session session = Preparation::start(fresh, model, {}, 0, true).value().take().value();
  EXPECT_GT(fresh.state()->gpu.stats().submissions, 0u);
  std::vector<float> output(kOutput);
  expect_error(session.read("sum", std::span<float>(output)), Code::invalid_argument, {"before the first run"});
  Session direct = Session::create(fresh, model).value();
  EXPECT_EQ(run_on(session), run_on(direct));
}

TEST_F(Preparing, tells_what_session_create_would_tell) {
  const Model model = make_model(residual_network()).value();
  SessionOptions options;
  options.memory_limit = 16;
  expect_error(Preparation::start(device(), model, options).value().take(), Code::out_of_memory, {"16"});
}

TEST_F(Preparing, is_cancelled_by_destruction) {
  const Device fresh = Device::create().value();
  const Model model = make_model(deep_network(6)).value();
  { const Preparation ahead = Preparation::start(fresh, model, {}, 1).value(); }
  // What was compiled before is kept, and the device goes on.
  Session session = Session::create(fresh, model).value();
  expect_ok(session.run());
}

TEST_F(Preparing, a_cache_that_the_application_keeps_is_used_again) {
  const Model model = make_model(residual_network()).value();
  std::vector<std::byte> kept;
  double cold = 0, warm = 0, first = 0, tenth = 0;
  {
    const Device device = Device::create().value();
    std::optional<Session> session;
    cold = ms_of([&] { session.emplace(Session::create(device, model).value()); });
    first = ms_of([&] { run_on(*session); });
    for (int i = 0; i < 9; ++i) tenth = ms_of([&] { run_on(*session); });
    kept = device.cache_data().value();
    EXPECT_EQ(device.cache_state().pipeline_bytes, 0u);
  }
  DeviceOptions options;
  options.cache_data = kept;
  {
    const Device device = Device::create(options).value();
    EXPECT_GT(device.cache_state().pipeline_bytes, 0u);
    EXPECT_EQ(device.cache_state().ignored, "");
    std::optional<Session> session;
    warm = ms_of([&] { session.emplace(Session::create(device, model).value()); });
    run_on(*session);
    EXPECT_LE(device.cache_data().value().size(), 2 * kept.size()) << "it does not grow from run to run";
  }
  std::printf("session: cold %.1f ms, warm %.1f ms; runs: first %.2f ms, tenth %.2f ms; cache of %zu bytes\n", cold,
              warm, first, tenth, kept.size());
  const Device wrapped = Device::wrap(gpu::external_of(own().handles(), ExternalDevice{}), options).value();
  EXPECT_GT(wrapped.cache_state().pipeline_bytes, 0u);
}

TEST_F(Preparing, a_wrong_or_damaged_cache_is_ignored_with_the_reason) {
  const Device device = Device::create().value();
  const Session session = Session::create(device, make_model(residual_network()).value()).value();
  const std::vector<std::byte> kept = device.cache_data().value();
  const auto expect_ignored = [](const std::vector<std::byte>& blob, const std::string& why) {
    DeviceOptions options;
    options.cache_data = blob;
    const Device other = Device::create(options).value();
    EXPECT_EQ(other.cache_state().pipeline_bytes, 0u);
    EXPECT_NE(other.cache_state().ignored.find(why), std::string::npos) << other.cache_state().ignored;
  };
  std::vector<std::byte> changed = kept;
  changed[changed.size() / 2] ^= std::byte{1};
  expect_ignored(changed, "the application gave is not used");
  expect_ignored({kept.begin(), kept.end() - 5}, "the application gave is not used");
  expect_ignored({std::byte{1}, std::byte{2}}, "the application gave is not used");
  auto records = gpu::unpack_cache_file(std::string(reinterpret_cast<const char*>(kept.data()), kept.size())).value();
  const auto packed = [&] {
    const std::string text = gpu::pack_cache_file(records);
    const auto bytes = std::as_bytes(std::span(text));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  ASSERT_FALSE(records.empty());
  records[0].kernels ^= 1;
  expect_ignored(packed(), "other kernels");
  records[0].kernels ^= 1;
  records[0].identity.driver_version ^= 1;
  expect_ignored(packed(), "driver version");
}

}  // namespace
}  // namespace nibble::test
