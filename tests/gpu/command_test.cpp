#include "gpu/command.h"

#include <cstring>
#include <functional>
#include <thread>

#include "gpu/platform.h"
#include "gpu/staging.h"
#include "gpu_fixture.h"
#include "support/validation_listener.h"

namespace nibble::gpu {
namespace {

class Command : public GpuTest {
 protected:
  static constexpr uint32_t kCount = 1000;  // no multiple of the workgroup
  static constexpr uint64_t kBytes = kCount * 4;

  void SetUp() override {
    GpuTest::SetUp();
    ASSERT_FALSE(HasFatalFailure());
    in_ = Buffer::create(*device_, kBytes, BufferPurpose::upload, "in").value();
    middle_ = Buffer::create(*device_, kBytes, BufferPurpose::device_local, "middle").value();
    out_ = Buffer::create(*device_, kBytes, BufferPurpose::readback, "out").value();
    scale_ = make_scale(*device_, 5).value();
    list_.emplace(CommandList::create(*device_, "test").value());
    write(iota(kCount));
  }
  void TearDown() override { list_.reset(); }

  void write(const std::vector<uint32_t>& data) { in_.write(0, std::as_bytes(std::span(data))).value(); }
  std::vector<uint32_t> read() {
    std::vector<uint32_t> data(kCount);
    out_.read(0, std::as_writable_bytes(std::span(data))).value();
    return data;
  }
  // in -> middle -> out, each times `factor` plus 5.
  void record_chain(CommandList& list, uint32_t factor) {
    list.label("first");
    record_scale(list, scale_, in_.whole(), middle_.whole(), kCount, factor);
    list.barrier(compute, compute);
    record_scale(list, scale_, middle_.whole(), out_.whole(), kCount, factor);
    list.barrier(compute, host);
  }
  std::string refusal_of(const std::function<void(CommandList&)>& record) {
    list_->begin().value();
    record(*list_);
    const auto status = list_->finish();
    EXPECT_FALSE(status);
    if (status) return "";
    EXPECT_EQ(status.error().code, Code::invalid_argument);
    EXPECT_FALSE(list_->submit()) << "a refused recording must not run";
    return status.error().message;
  }

  Buffer in_, middle_, out_;
  Pipeline scale_;
  std::optional<CommandList> list_;
};

// Software drivers hide a missing barrier; this shows that the layer does not, in these tests.
TEST_F(Command, a_missing_barrier_is_reported_by_synchronization_validation) {
  if (!device_->validation_enabled() ||
      environment("VK_LAYER_ENABLES").find("SYNCHRONIZATION_VALIDATION") == std::string::npos) {
    GTEST_SKIP() << "no synchronization validation";
  }
  const auto record = [&](bool barrier) {
    list_->begin().value();
    record_scale(*list_, scale_, in_.whole(), middle_.whole(), kCount, 3);
    if (barrier) list_->barrier(compute, compute);
    record_scale(*list_, scale_, middle_.whole(), out_.whole(), kCount, 3);
    list_->finish().value();
    return test::take_validation_messages();
  };
  EXPECT_EQ(record(true), "");
  EXPECT_NE(record(false).find("SYNC-HAZARD-READ-AFTER-WRITE"), std::string::npos);
}

TEST_F(Command, shader_with_push_and_specialization_constants_computes) {
  const auto status = run(*list_, [&](CommandList& list) { record_chain(list, 3); });
  ASSERT_TRUE(status) << status.error().message;
  const auto data = read();
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(data[i], ((i + 1) * 3 + 5) * 3 + 5) << i;
}

TEST_F(Command, a_recording_runs_again_with_new_data_and_allocates_nothing) {
  ASSERT_TRUE(run(*list_, [&](CommandList& list) { record_chain(list, 2); }));
  const DeviceStats before = device_->stats();
  for (uint32_t round = 0; round < 3; ++round) {
    write(std::vector<uint32_t>(kCount, round));
    ASSERT_TRUE(list_->submit());
    ASSERT_TRUE(list_->wait(60 * kSecond).value());
    EXPECT_EQ(read(), std::vector<uint32_t>(kCount, (round * 2 + 5) * 2 + 5));
  }
  const DeviceStats after = device_->stats();
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.pipelines, before.pipelines);
  EXPECT_EQ(after.submissions, before.submissions + 3);
  EXPECT_EQ(after.uploaded_bytes, before.uploaded_bytes + 3 * kBytes);
}

TEST_F(Command, a_list_can_be_recorded_anew) {
  for (const uint32_t factor : {2u, 7u}) {
    ASSERT_TRUE(run(*list_, [&](CommandList& list) { record_chain(list, factor); }));
    EXPECT_EQ(read()[0], (factor + 5) * factor + 5);
  }
}

TEST_F(Command, bindings_take_parts_of_buffers) {
  const uint64_t step = device_->caps().offset_alignment;
  const uint32_t count = 4;
  const auto status = run(*list_, [&](CommandList& list) {
    list.fill(out_.whole(), 0);
    list.barrier(transfer, compute);
    record_scale(list, scale_, in_.range(step, count * 4), out_.range(2 * step, count * 4), count, 1);
    list.barrier(compute, host);
  });
  ASSERT_TRUE(status) << status.error().message;
  const auto data = read();
  const uint64_t first = 2 * step / 4;
  for (uint32_t i = 0; i < kCount; ++i) {
    const bool written = i >= first && i < first + count;
    ASSERT_EQ(data[i], written ? step / 4 + (i - first) + 1 + 5 : 0) << i;
  }
}

TEST_F(Command, more_steps_than_a_descriptor_pool_holds) {
  // Every step binds other ranges: 200 sets, from several pools.
  const uint64_t step = device_->caps().offset_alignment;
  const uint32_t steps = 200;
  const Buffer wide = Buffer::create(*device_, (steps + 1) * step, BufferPurpose::readback, "wide").value();
  const auto status = run(*list_, [&](CommandList& list) {
    list.fill(wide.whole(), 1);
    list.barrier(transfer, compute);
    for (uint32_t i = 0; i < steps; ++i) {
      record_scale(list, scale_, wide.range(i * step, 4), wide.range((i + 1) * step, 4), 1, 1);
      list.barrier(compute, compute | host);
    }
  });
  ASSERT_TRUE(status) << status.error().message;
  uint32_t last = 0;
  ASSERT_TRUE(wide.read(steps * step, std::as_writable_bytes(std::span(&last, 1))));
  EXPECT_EQ(last, 1 + 5 * steps);
}

TEST_F(Command, fill_and_copy_move_bytes) {
  const auto status = run(*list_, [&](CommandList& list) {
    list.fill(middle_.range(0, kBytes), 0xabcd1234);
    list.barrier(transfer, transfer);
    list.copy(in_.range(4, 8), middle_.range(12, 8));
    list.barrier(transfer, transfer);
    list.copy(middle_.whole(), out_.whole());
    list.barrier(transfer, host);
  });
  ASSERT_TRUE(status) << status.error().message;
  const auto data = read();
  EXPECT_EQ(data[2], 0xabcd1234u);
  EXPECT_EQ(data[3], 2u);
  EXPECT_EQ(data[4], 3u);
  EXPECT_EQ(data[5], 0xabcd1234u);
}

TEST_F(Command, timestamps_rise_where_the_device_has_them) {
  const Timer timer = Timer::create(*device_, 4).value();
  ASSERT_TRUE(run(*list_, [&](CommandList& list) {
    list.reset(timer);
    list.timestamp(timer, 0);
    record_chain(list, 3);
    list.timestamp(timer, 1);
    list.timestamp(timer, 3);
  }));
  const auto times = timer.read();
  ASSERT_TRUE(times) << times.error().message;
  if (!device_->caps().has(Caps::timestamps)) {
    EXPECT_TRUE(times->empty());
    return;
  }
  ASSERT_EQ(times->size(), 4u);
  EXPECT_EQ((*times)[0], 0u);
  ASSERT_TRUE((*times)[1] && (*times)[3]);
  EXPECT_GE(*(*times)[3], *(*times)[1]);
  EXPECT_LT(*(*times)[3], 60 * kSecond);
  EXPECT_FALSE((*times)[2]) << "never written";
}

TEST_F(Command, misuse_is_remembered_and_returned_by_finish) {
  const auto in = in_.whole(), out = out_.whole();
  EXPECT_NE(refusal_of([](CommandList& list) { list.dispatch(1, 1, 1); }).find("without a pipeline"),
            std::string::npos);
  EXPECT_NE(refusal_of([&](CommandList& list) { list.bind(scale_, std::span(&in, 1)); }).find("2 bindings, 1 buffers"),
            std::string::npos);
  EXPECT_NE(refusal_of([&](CommandList& list) {
              const BufferRange ranges[] = {in, out};
              list.bind(scale_, ranges);
              list.dispatch(1, 1, 1);
            }).find("push constants"),
            std::string::npos);
  EXPECT_NE(refusal_of([&](CommandList& list) {
              const BufferRange ranges[] = {in, out};
              list.bind(scale_, ranges);
              list.push(bytes_of(uint32_t{1}));
            }).find("4 push-constant bytes, the pipeline takes 8"),
            std::string::npos);
  EXPECT_NE(
      refusal_of([&](CommandList& list) { record_scale(list, scale_, in_.range(2, 4), out, 1, 1); }).find("multiple"),
      std::string::npos);
  EXPECT_NE(refusal_of([&](CommandList& list) { record_scale(list, scale_, {}, out, 1, 1); }).find("null"),
            std::string::npos);
  EXPECT_NE(
      refusal_of([&](CommandList& list) { list.copy(in_.range(0, 8), out_.range(0, 4)); }).find("copying 8 bytes"),
      std::string::npos);
  EXPECT_NE(refusal_of([&](CommandList& list) { list.fill(out_.range(0, 6), 0); }).find("multiples of 4"),
            std::string::npos);
}

TEST_F(Command, bindings_and_workgroups_beyond_the_device_are_refused) {
  const Caps& caps = device_->caps();
  BufferRange huge = in_.whole();
  huge.bytes = caps.max_buffer_range + 1;
  const std::string message =
      refusal_of([&](CommandList& list) { record_scale(list, scale_, huge, out_.whole(), 1, 1); });
  EXPECT_NE(message.find(std::to_string(caps.max_buffer_range + 1)), std::string::npos) << message;
  EXPECT_NE(message.find(std::to_string(caps.max_buffer_range)), std::string::npos) << message;
  EXPECT_NE(refusal_of([&](CommandList& list) {
              const BufferRange ranges[] = {in_.whole(), out_.whole()};
              list.bind(scale_, ranges);
              list.push(bytes_of(ScalePush{1, 1}));
              list.dispatch(1, caps.max_workgroup_count[1] + 1, 1);
            }).find("workgroups"),
            std::string::npos);
}

TEST_F(Command, order_of_calls_is_checked) {
  EXPECT_FALSE(list_->submit());
  EXPECT_FALSE(list_->finish());
  EXPECT_TRUE(list_->wait(0).value()) << "nothing runs";
  ASSERT_TRUE(list_->begin());
  record_chain(*list_, 1);
  ASSERT_TRUE(list_->finish());
  ASSERT_TRUE(list_->submit());
  EXPECT_FALSE(list_->submit());
  EXPECT_FALSE(list_->begin());
  EXPECT_TRUE(list_->wait(60 * kSecond).value());
}

TEST_F(Command, objects_survive_moves_of_the_device_and_of_themselves) {
  Device moved = *std::move(device_);
  CommandList list = std::move(*list_);
  const Pipeline pipeline = std::move(scale_);
  const Buffer target = std::move(out_);
  const auto status = run(list, [&](CommandList& commands) {
    record_scale(commands, pipeline, in_.whole(), target.whole(), kCount, 2);
    commands.barrier(compute, host);
  });
  ASSERT_TRUE(status) << status.error().message;
  uint32_t first = 0;
  ASSERT_TRUE(target.read(0, std::as_writable_bytes(std::span(&first, 1))));
  EXPECT_EQ(first, 7u);
  device_.emplace(std::move(moved));
}

TEST_F(Command, lists_of_one_device_run_from_several_threads) {
  std::vector<uint32_t> results(2);
  const auto work = [&](uint32_t index) {
    const Buffer in = Buffer::create(*device_, 64, BufferPurpose::upload, "in").value();
    const Buffer out = Buffer::create(*device_, 64, BufferPurpose::readback, "out").value();
    const Pipeline scale = make_scale(*device_, index).value();
    CommandList list = CommandList::create(*device_, "thread").value();
    const auto data = iota(16);
    in.write(0, std::as_bytes(std::span(data))).value();
    list.begin().value();
    record_scale(list, scale, in.whole(), out.whole(), 16, 2);
    list.barrier(compute, host);
    list.finish().value();
    for (int round = 0; round < 20; ++round) {
      list.submit().value();
      list.wait(60 * kSecond).value();
    }
    out.read(60, std::as_writable_bytes(std::span(&results[index], 1))).value();
  };
  std::thread other(work, 1u);
  work(0);
  other.join();
  EXPECT_EQ(results, (std::vector<uint32_t>{32, 33}));
}

TEST_F(Command, staging_moves_more_than_its_own_size) {
  Staging staging = Staging::create(*device_, 1024).value();
  const std::vector<uint32_t> data = iota(kCount);
  std::vector<uint32_t> back(kCount - 10);
  ASSERT_TRUE(staging.upload(std::as_bytes(std::span(data)), middle_, 0));
  ASSERT_TRUE(staging.download(middle_, 40, std::as_writable_bytes(std::span(back))));
  for (uint32_t i = 0; i < back.size(); ++i) ASSERT_EQ(back[i], i + 11);
  EXPECT_FALSE(staging.upload(std::as_bytes(std::span(data)), middle_, 4)) << "beyond the end";
  EXPECT_FALSE(staging.download(middle_, kBytes + 1, {}));
}

TEST_F(Command, staging_asks_for_data_piece_by_piece) {
  Staging staging = Staging::create(*device_, 1024).value();
  std::vector<size_t> sizes;
  const auto fill = [&](uint64_t at, std::span<std::byte> out) -> Status {
    sizes.push_back(out.size());
    for (size_t i = 0; i < out.size(); i += 4) {
      const auto value = static_cast<uint32_t>(at + i) / 4 * 3;
      std::memcpy(out.data() + i, &value, 4);
    }
    return {};
  };
  const uint64_t bytes = 2 * 1024 + 64;
  ASSERT_TRUE(staging.upload(bytes, middle_, 16, fill));
  EXPECT_EQ(sizes, (std::vector<size_t>{1024, 1024, 64}));
  std::vector<uint32_t> back(bytes / 4);
  ASSERT_TRUE(staging.download(middle_, 16, std::as_writable_bytes(std::span(back))));
  for (uint32_t i = 0; i < back.size(); ++i) ASSERT_EQ(back[i], i * 3);
  const auto refuse = [](uint64_t, std::span<std::byte>) -> Status { return Error{Code::internal, "no data"}; };
  EXPECT_EQ(staging.upload(bytes, middle_, 0, refuse).error().message, "no data");
  EXPECT_FALSE(staging.upload(kBytes, middle_, 16, fill)) << "beyond the end";
}

}  // namespace
}  // namespace nibble::gpu
