// A device on the driver under test, and the tests' own shader.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "gpu/buffer.h"
#include "gpu/command.h"
#include "gpu/device.h"
#include "gpu/pipeline.h"
#include "scale.h"

namespace nibble::gpu {

inline constexpr uint64_t kSecond = 1000000000;  // ns
inline constexpr uint32_t kGroup = 32;           // invocations in a workgroup of scale.comp

struct ScalePush {
  uint32_t count, factor;
};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return {reinterpret_cast<const std::byte*>(&value), sizeof(value)};
}

inline std::vector<uint32_t> iota(size_t count) {
  std::vector<uint32_t> out(count);
  std::iota(out.begin(), out.end(), 1u);
  return out;
}

// out[i] = in[i] * factor + bias; bias and the workgroup size are specialization constants.
inline Result<Pipeline> make_scale(const Device& device, uint32_t bias) {
  const SpecConstant constants[] = {{0, kGroup}, {1, bias}};
  return Pipeline::create(
      device,
      {.spirv = scale_spirv, .bindings = 2, .push_bytes = sizeof(ScalePush), .constants = constants, .name = "scale"});
}

inline void record_scale(CommandList& list, const Pipeline& pipeline, const BufferRange& in, const BufferRange& out,
                         uint32_t count, uint32_t factor) {
  const BufferRange ranges[] = {in, out};
  list.bind(pipeline, ranges);
  list.push(bytes_of(ScalePush{count, factor}));
  list.dispatch((count + kGroup - 1) / kGroup, 1, 1);
}

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    auto device = Device::create({});
    ASSERT_TRUE(device) << device.error().message;
    device_.emplace(*std::move(device));
  }

  // Records, runs and waits.
  template <class Record>
  Status run(CommandList& list, Record record) {
    if (auto status = list.begin(); !status) return status;
    record(list);
    if (auto status = list.finish(); !status) return status;
    if (auto status = list.submit(); !status) return status;
    auto done = list.wait(60 * kSecond);
    if (!done) return std::move(done).error();
    EXPECT_TRUE(*done);
    return {};
  }

  std::optional<Device> device_;
};

}  // namespace nibble::gpu
