// Runs in slices: the same bits, within the budget as far as steps allow, and refusing what would disturb them.
#include <numeric>
#include <thread>

#include "core/half.h"
#include "frame_fixture.h"
#include "media/gpu_preprocessing.h"
#include "random_network.h"
#include "runtime/slice_clock.h"

namespace nibble::test {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

SlicePoint at(size_t part, uint32_t piece = 0) { return {part, piece}; }

TEST(SliceClock, starts_with_one_part_and_then_takes_what_fits) {
  SliceClock clock({0, 10, 10, 20, 0, 40});
  EXPECT_EQ(clock.fit(at(0), 1e9), at(2)) << "the first part takes no time";
  clock.measured(1, 1, 100);
  EXPECT_DOUBLE_EQ(clock.predict(at(1), at(2)), 100);
  EXPECT_DOUBLE_EQ(clock.predict(at(2), at(4)), 2 * (100 + 200)) << "twice what the work suggests, until measured";
  EXPECT_EQ(clock.fit(at(2), 650), at(5)) << "and the one behind that takes no time";
  EXPECT_EQ(clock.fit(at(2), 250), at(3));
  EXPECT_EQ(clock.fit(at(2), 10), at(3)) << "at least one";
  clock.measured(2, 1, 90);
  clock.measured(3, 1, 210);
  clock.measured(5, 1, 400);
  EXPECT_EQ(clock.fit(at(0), 399), at(3));
  EXPECT_EQ(clock.fit(at(0), 400), at(5));
  EXPECT_EQ(clock.fit(at(0), 800), at(6));
}

TEST(SliceClock, takes_whole_parts_where_nothing_will_be_measured) {
  SliceClock clock({0, 10, 10, 0, 10}, {1, 50, 50, 1, 50});
  using Unknown = SliceClock::Unknown;
  EXPECT_EQ(clock.fit(at(0), 1, Unknown::piece), at(1, 1));
  EXPECT_EQ(clock.fit(at(0), 1, Unknown::part), at(2));
  EXPECT_EQ(clock.fit(at(2), 1, Unknown::part), at(4));
  EXPECT_EQ(clock.fit(at(2, 40), 1, Unknown::part), at(4));
  clock.measured(1, 50, 100);
  EXPECT_EQ(clock.fit(at(1), 10, Unknown::part), at(1, 5)) << "what is known is divided";
}

TEST(SliceClock, forgets_a_measurement_that_was_disturbed) {
  SliceClock clock({1, 1});
  for (double ns : {100.0, 110.0, 9000.0, 105.0}) clock.measured(0, 1, ns);
  EXPECT_LE(clock.predict(at(0), at(1)), 110);
  for (int i = 0; i < 5; ++i) clock.measured(0, 1, 500);
  EXPECT_DOUBLE_EQ(clock.predict(at(0), at(1)), 500) << "but follows a change";
}

TEST(SliceClock, shares_out_what_was_measured_together) {
  SliceClock clock({10, 30, 0, 60});
  clock.measured(at(0), at(4), 1000);
  EXPECT_DOUBLE_EQ(clock.predict(at(0), at(1)), 100);
  EXPECT_DOUBLE_EQ(clock.predict(at(1), at(2)), 300);
  EXPECT_DOUBLE_EQ(clock.predict(at(0), at(4)), 1000);
}

TEST(SliceClock, ends_within_a_part_that_is_too_long) {
  SliceClock clock({10, 100, 10}, {1, 50, 4});
  EXPECT_EQ(clock.fit(at(1), 1e9), at(1, 1)) << "nothing is known: one piece";
  clock.measured(at(1), at(1, 1), 20);
  EXPECT_DOUBLE_EQ(clock.predict(at(1), at(2)), 1000);
  clock.measured(0, 1, 100);
  clock.measured(2, 4, 100);
  EXPECT_EQ(clock.fit(at(0), 300), at(1, 10)) << "100 and ten pieces of 20";
  EXPECT_EQ(clock.fit(at(1, 10), 500), at(1, 35));
  EXPECT_EQ(clock.fit(at(1, 35), 500), at(3)) << "15 pieces of 20, then all of the last part";
  EXPECT_EQ(clock.fit(at(1, 49), 119), at(2, 3)) << "one piece of 20 and three of 25";
  EXPECT_EQ(clock.fit(at(1, 10), 1), at(1, 11)) << "at least a piece";
  EXPECT_EQ(clock.fit(at(1), 1099), at(2)) << "what is left of a budget is too little to divide for";
  EXPECT_EQ(clock.fit(at(1, 10), 880), at(2));
  EXPECT_DOUBLE_EQ(clock.predict(at(1, 10), at(2, 1)), 40 * 20 + 25);
  clock.measured(at(1, 40), at(3), 600);
  EXPECT_GT(clock.predict(at(1), at(2)), 1000) << "ten pieces and a part took twice of what was expected";
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
      EXPECT_GT(slices, next) << "less than a step each";
    }
  }
  const SliceStatistics statistics = session.slice_statistics();
  EXPECT_GT(statistics.slices, 4u);
  EXPECT_GE(statistics.longest, statistics.longest_step);
  EXPECT_GT(statistics.worst_overshoot.count(), 0) << "nothing fits into a nanosecond";
}

// Slices of single workgroups and of what fits into less than a step.
TEST_F(Slicing, ends_within_steps_without_changing_bits) {
  for (const DType type : {DType::i8, DType::f32, DType::f16}) {
    for (const uint32_t seed : {1u, 2u, 3u}) {
      Session session = session_of(random_network(type, 3, 6, seed));
      const auto values = some_values(static_cast<size_t>(session.inputs()[0].elements()), seed);
      if (type == DType::i8) {
        std::vector<int8_t> input;
        for (const float value : values) input.push_back(static_cast<int8_t>(value * 127));
        expect_ok(session.write("x", std::span<const int8_t>(input)));
      } else if (type == DType::f16) {
        std::vector<uint16_t> input;
        for (const float value : values) input.push_back(half_from_float(value));
        expect_ok(session.write("x", std::span<const uint16_t>(input)));
      } else {
        expect_ok(session.write("x", std::span<const float>(values)));
      }
      expect_ok(session.run());
      std::vector<std::vector<std::byte>> expected;
      for (const TensorInfo& info : session.outputs()) {
        expected.push_back(session.read_tensor(info.name).value().bytes);
      }
      for (const nanoseconds budget : {nanoseconds(1), nanoseconds(microseconds(30))}) {
        while (!session.run_slice(budget).value().finished) {
        }
        for (size_t i = 0; i < expected.size(); ++i) {
          EXPECT_EQ(session.read_tensor(session.outputs()[i].name).value().bytes, expected[i])
              << session.outputs()[i].name << " of seed " << seed;
        }
      }
    }
  }
}

TEST_F(Slicing, submits_nothing_into_the_applications_queue) {
  Session session = session_of(residual_network());
  const auto input = some_values(kInput, 5);
  const std::vector<float> expected = whole_run(session, input);
  const uint64_t before = gpu_device().stats().submissions;
  for (bool finished = false; !finished;) {
    const VkCommandBuffer commands = frame().begin();
    finished = record_slice(session, commands, microseconds(50)).value().finished;
    frame().end(commands);
    frame().submit({commands});
  }
  EXPECT_EQ(gpu_device().stats().submissions, before);
  std::vector<float> output(kOutput);
  expect_ok(session.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);
  if (gpu_device().caps().has(gpu::Caps::timestamps)) {
    EXPECT_GT(session.slice_statistics().slices, 0u) << "those of the first slices were read all the same";
  }
}

// A swap chain that is out of date: the frame with the first slice never reaches the queue.
TEST_F(Slicing, measures_slices_behind_a_frame_that_was_dropped) {
  Session session = session_of(residual_network());
  const auto input = some_values(kInput, 5);
  const std::vector<float> expected = whole_run(session, input);
  const VkCommandBuffer dropped = frame().begin();
  ASSERT_FALSE(record_slice(session, dropped, nanoseconds(1)).value().finished);
  frame().end(dropped);
  expect_ok(session.restart_slices());
  expect_ok(session.write("x", std::span<const float>(input)));
  for (int run = 0; run < 2; ++run) {
    size_t slices = 0;
    for (bool finished = false; !finished; ++slices) {
      const VkCommandBuffer commands = frame().begin();
      finished = record_slice(session, commands, std::chrono::seconds(10)).value().finished;
      frame().end(commands);
      frame().submit({commands});
    }
    if (run > 0 && gpu_device().caps().has(gpu::Caps::timestamps)) {
      EXPECT_EQ(slices, 1u) << "all steps are known and fit";
    }
  }
  std::vector<float> output(kOutput);
  expect_ok(session.read("sum", std::span<float>(output)));
  EXPECT_EQ(output, expected);
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

  // Nobody tells: whole steps, one in each slice.
  Session unknown = Session::create(plain, model).value();
  expect_ok(unknown.write("x", std::span<const float>(input)));
  for (bool finished = false; !finished;) {
    const VkCommandBuffer commands = frame().begin();
    const auto slice = record_slice(unknown, commands, nanoseconds(1)).value();
    EXPECT_GE(slice.count, 1u);
    finished = slice.finished;
    frame().end(commands);
    frame().submit({commands});
  }
  expect_ok(unknown.read("sum", std::span<float>(output)));
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
