// Runs in slices: the same bits, within the budget as far as steps allow, and refusing what would disturb them.
#include <numeric>
#include <thread>

#include "frame_fixture.h"
#include "media/gpu_preprocessing.h"
#include "runtime/slice_clock.h"

namespace nibble::test {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(SliceClock, starts_with_one_part_and_then_takes_what_fits) {
  SliceClock clock({0, 10, 10, 20, 0, 40});
  EXPECT_EQ(clock.fit(0, 1e9), 2u) << "the first part takes no time";
  clock.measured(1, 100);
  EXPECT_DOUBLE_EQ(clock.predict(1, 1), 100);
  EXPECT_DOUBLE_EQ(clock.predict(2, 2), 2 * (100 + 200)) << "twice what the work suggests, until it is measured";
  EXPECT_EQ(clock.fit(2, 650), 3u) << "and the one behind that takes no time";
  EXPECT_EQ(clock.fit(2, 250), 1u);
  EXPECT_EQ(clock.fit(2, 10), 1u) << "at least one";
  clock.measured(2, 90);
  clock.measured(3, 210);
  clock.measured(5, 400);
  EXPECT_EQ(clock.fit(0, 399), 3u);
  EXPECT_EQ(clock.fit(0, 400), 5u);
  EXPECT_EQ(clock.fit(0, 800), 6u);
}

TEST(SliceClock, forgets_a_measurement_that_was_disturbed) {
  SliceClock clock({1, 1});
  for (double ns : {100.0, 110.0, 9000.0, 105.0}) clock.measured(0, ns);
  EXPECT_LE(clock.predict(0, 1), 110);
  for (int i = 0; i < 5; ++i) clock.measured(0, 500);
  EXPECT_DOUBLE_EQ(clock.predict(0, 1), 500) << "but follows a change";
}

TEST(SliceClock, shares_out_what_was_measured_together) {
  SliceClock clock({10, 30, 0, 60});
  clock.measured(0, 4, 1000);
  EXPECT_DOUBLE_EQ(clock.predict(0, 1), 100);
  EXPECT_DOUBLE_EQ(clock.predict(1, 1), 300);
  EXPECT_DOUBLE_EQ(clock.predict(0, 4), 1000);
}

class Slicing : public FrameTest {
 protected:
  static constexpr size_t kInput = 3 * 9 * 7, kOutput = 6 * 9 * 7;
  static std::vector<float> whole_run(Session& session, const std::vector<float>& input) {
    std::vector<float> output(kOutput);
    expect_ok(session.write("x", std::span<const float>(input)));
    expect_ok(session.run());
    expect_ok(session.read("sum", std::span<float>(output)));
    return output;
  }
};

TEST_F(Slicing, gives_the_bits_of_a_whole_run) {
  Session session = session_of(residual_network());
  const auto input = some_values(kInput, 5);
  const std::vector<float> expected = whole_run(session, input);
  for (const nanoseconds budget :
       {nanoseconds(1), nanoseconds(microseconds(200)), nanoseconds(std::chrono::seconds(10))}) {
    expect_ok(session.write("x", std::span<const float>(some_values(kInput, 6))));
    expect_ok(session.run());  // so that what was there before is something else
    expect_ok(session.write("x", std::span<const float>(input)));
    size_t next = 0, slices = 0;
    for (bool finished = false; !finished; ++slices) {
      const auto slice = session.run_slice(budget);
      ASSERT_TRUE(slice) << slice.error().message;
      EXPECT_EQ(slice->first, next);
      EXPECT_GE(slice->count, 1u);
      EXPECT_GT(slice->took.count(), 0);
      next += slice->count;
      finished = slice->finished;
      EXPECT_EQ(finished, next == slice->total);
    }
    std::vector<float> output(kOutput);
    expect_ok(session.read("sum", std::span<float>(output)));
    EXPECT_EQ(output, expected);
    if (budget > std::chrono::seconds(1)) {
      EXPECT_EQ(slices, 1u) << "all steps are known and fit";
    } else if (budget.count() == 1) {
      EXPECT_GE(slices, 3u) << "one step each";
    }
  }
  const SliceStatistics statistics = session.slice_statistics();
  EXPECT_GT(statistics.slices, 4u);
  EXPECT_GE(statistics.longest, statistics.longest_step);
  EXPECT_GT(statistics.worst_overshoot.count(), 0) << "nothing fits into a nanosecond";
}

// How well a budget is kept is for people to read: a machine that does other things misses any.
TEST_F(Slicing, reports_by_how_much_it_missed_the_budget) {
  Session session = session_of(deep_network(24));
  for (const auto budget : {microseconds(200), microseconds(1000)}) {
    size_t slices = 0;
    for (int run = 0; run < 6; ++run) {
      for (bool finished = false; !finished; ++slices) finished = session.run_slice(budget).value().finished;
    }
    const SliceStatistics statistics = session.slice_statistics();
    std::printf(
        "budget %lld us: %.1f slices a run, the longest %.0f us, worst overshoot so far %.0f us, longest step %.0f "
        "us\n",
        static_cast<long long>(budget.count()), static_cast<double>(slices) / 6,
        static_cast<double>(statistics.longest.count()) / 1e3,
        static_cast<double>(statistics.worst_overshoot.count()) / 1e3,
        static_cast<double>(statistics.longest_step.count()) / 1e3);
    EXPECT_GE(statistics.longest, statistics.longest_step / 2);
  }
}

TEST_F(Slicing, spreads_over_the_applications_frames_with_images) {
  Session plain = session_of(residual_network()), sliced = session_of(residual_network());
  const media::Image picture = some_picture(20, 30);
  const std::vector<int64_t> shape = {1, 3, 9, 7};
  const std::vector<float> expected = whole_run(plain, media::apply({}, picture, shape).value());
  gpu::AppImage in(own(), VK_FORMAT_R8G8B8A8_UNORM, {20, 30}, VK_IMAGE_USAGE_SAMPLED_BIT);
  gpu::AppImage out(own(), VK_FORMAT_R8G8B8A8_UNORM, {7, 9}, VK_IMAGE_USAGE_STORAGE_BIT);
  in.upload(frame(), gpu_device(), bytes_for(VK_FORMAT_R8G8B8A8_UNORM, picture));
  const ImageUse in_use = bind_image(sliced, "x", in.external()).value();
  ImagePostprocessing classes;
  classes.contents = ImagePostprocessing::Contents::argmax;
  const ImageUse out_use = bind_image(sliced, "sum", out.external(), classes).value();
  const gpu::Buffer values =
      gpu::Buffer::create(gpu_device(), kOutput * 4, gpu::BufferPurpose::readback, "values").value();
  expect_ok(bind_buffer(sliced, "sum", values.handle(), 0));
  for (int run = 0; run < 3; ++run) {
    size_t frames = 0;
    for (bool finished = false; !finished; ++frames) {
      const VkCommandBuffer commands = frame().begin();
      in.transition(commands, in_use);
      out.transition(commands, out_use);
      const auto slice =
          record_slice(sliced, commands, run < 2 ? nanoseconds(1) : nanoseconds(std::chrono::seconds(9)));
      ASSERT_TRUE(slice) << slice.error().message;
      finished = slice->finished;
      frame().end(commands);
      frame().submit({commands});
    }
    std::vector<float> got(kOutput);
    ASSERT_TRUE(values.read(0, std::as_writable_bytes(std::span(got))));
    EXPECT_EQ(got, expected);
    EXPECT_GE(frames, run < 2 ? 5u : 1u);
  }
  if (device().state()->caps().has(gpu::Caps::timestamps)) {
    EXPECT_GT(sliced.slice_statistics().slices, 8u) << "time stamps were picked up";
  } else {
    EXPECT_EQ(sliced.slice_statistics().slices, 0u);
  }
  const std::vector<uint8_t> pixels = out.pixels(frame(), gpu_device());
  for (size_t i = 0; i < 63; ++i) {
    size_t best = 0;
    for (size_t c = 1; c < 6; ++c) best = expected[c * 63 + i] > expected[best * 63 + i] ? c : best;
    EXPECT_EQ(pixels[4 * i], best) << i;
  }
  expect_ok(bind_buffer(sliced, "sum", VK_NULL_HANDLE, 0));
}

TEST_F(Slicing, works_without_time_stamps) {
  DeviceOptions options;
  options.mask = "minimum";
  const Device plain = Device::wrap(gpu::external_of(own().handles(), ExternalDevice{}), options).value();
  ASSERT_FALSE(plain.state()->caps().has(gpu::Caps::timestamps));
  const Model model = make_model(residual_network()).value();
  Session session = Session::create(plain, model).value();
  const auto input = some_values(kInput, 5);
  const std::vector<float> expected = whole_run(session, input);
  for (int run = 0; run < 2; ++run) {
    while (!session.run_slice(microseconds(100)).value().finished) {
    }
  }
  EXPECT_GT(session.slice_statistics().longest.count(), 0) << "by the host's clock";
  std::vector<float> output(kOutput);
  expect_ok(session.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);

  // The application tells what its slices took.
  Session recorded = Session::create(plain, model).value();
  expect_ok(recorded.write("x", std::span<const float>(input)));
  size_t slices = 0;
  for (bool finished = false; !finished; ++slices) {
    const VkCommandBuffer commands = frame().begin();
    const auto slice = record_slice(recorded, commands, microseconds(100), microseconds(slices ? 40 : 0)).value();
    finished = slice.finished;
    frame().end(commands);
    frame().submit({commands});
  }
  EXPECT_EQ(recorded.slice_statistics().slices, slices - 1);
  expect_ok(recorded.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);
}

TEST_F(Slicing, refuses_what_would_disturb_a_run) {
  Session session = session_of(residual_network());
  std::vector<float> input = some_values(kInput, 1), output(kOutput);
  expect_ok(session.write("x", std::span<const float>(input)));
  expect_error(session.run_slice(nanoseconds(0)), Code::invalid_argument, {"budget of 0"});
  ASSERT_FALSE(session.run_slice(nanoseconds(1)).value().finished);
  const std::vector<std::string> why = {"between the slices", "restart_slices()"};
  expect_error(session.write("x", std::span<const float>(input)), Code::invalid_argument, why);
  expect_error(session.read("sum", std::span<float>(output)), Code::invalid_argument, why);
  expect_error(session.run(), Code::invalid_argument, why);
  expect_error(session.submit(), Code::invalid_argument, why);
  expect_error(session.bind_dims({}), Code::invalid_argument, why);
  expect_error(session.read_tensor("sum"), Code::invalid_argument, why);
  expect_error(bind_buffer(session, "x", VK_NULL_HANDLE, 0), Code::invalid_argument, why);
  expect_error(unbind_image(session, "x"), Code::invalid_argument, why);
  const VkCommandBuffer commands = frame().begin();
  expect_error(record(session, commands), Code::invalid_argument, why);
  expect_error(record_slice(session, commands, nanoseconds(1)), Code::invalid_argument, {"run by run_slice()"});
  frame().end(commands);
  expect_ok(session.restart_slices());
  expect_error(session.read("sum", std::span<float>(output)), Code::invalid_argument, {"before the first run"});
  EXPECT_EQ(session.run_slice(nanoseconds(1)).value().first, 0u);
  expect_ok(session.restart_slices());
  const std::vector<float> expected = whole_run(session, input);
  expect_ok(session.submit());
  expect_error(session.run_slice(nanoseconds(1)), Code::invalid_argument, {"in flight"});
  EXPECT_TRUE(session.wait().value());
}

TEST_F(Slicing, leaves_the_profile_of_whole_runs_alone) {
  Session session = session_of(residual_network(), {.profile = true});
  const std::vector<float> input = some_values(3 * 9 * 7, 2);
  expect_ok(session.write("x", std::span<const float>(input)));
  while (!session.run_slice(std::chrono::seconds(1)).value().finished) {
  }
  EXPECT_TRUE(session.profile().value().empty());
  expect_ok(session.run());
  EXPECT_EQ(session.profile().value().empty(), !gpu_device().caps().has(gpu::Caps::timestamps));
}

}  // namespace
}  // namespace nibble::test
