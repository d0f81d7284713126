// Shaders compute the same without their dead code, which Pipeline::create removes.
#include "gpu_fixture.h"

// Wants the types that the above brings.
#include "branches.h"

namespace nibble::gpu {
namespace {

constexpr uint32_t kCount = 200, kFactor = 5;

uint32_t expected(uint32_t mode, uint32_t x) {
  const auto chosen = [mode](uint32_t v) {
    if (mode == 1) return v + 3;
    if (mode == 5) return (v + 1) * 10;
    return mode == 6 ? v * 10 : v;
  };
  uint32_t sum = 0;
  for (uint32_t k = 0; mode != 4 && k < kFactor; ++k) sum += mode == 3 && k > 2 ? 0 : x + k;
  if (mode == 0) {
    x *= kFactor;
  } else if (mode == 1) {
    x = x * x + 1;
  } else {
    x = x + (mode == 2 ? 100 : 7) + sum;
  }
  return mode >= 5 || x > 1000 ? chosen(x) : x;
}

class DeadCodeOnDevice : public GpuTest {};

TEST_F(DeadCodeOnDevice, results_are_those_of_the_source) {
  Buffer in = Buffer::create(*device_, kCount * 4, BufferPurpose::readback, "in").value();
  Buffer out = Buffer::create(*device_, kCount * 4, BufferPurpose::readback, "out").value();
  std::vector<uint32_t> values(kCount), got(kCount);
  for (uint32_t i = 0; i < kCount; ++i) values[i] = i % 40;
  in.write(0, std::as_bytes(std::span(values))).value();
  CommandList list = CommandList::create(*device_, "branches").value();
  for (uint32_t mode = 0; mode < 8; ++mode) {
    const SpecConstant constants[] = {{0, kGroup}, {1, mode}};
    const Pipeline pipeline = Pipeline::create(*device_, {.spirv = branches_spirv,
                                                          .bindings = 2,
                                                          .push_bytes = sizeof(ScalePush),
                                                          .constants = constants,
                                                          .name = "branches"})
                                  .value();
    const auto status =
        run(list, [&](CommandList& l) { record_scale(l, pipeline, in.whole(), out.whole(), kCount, kFactor); });
    ASSERT_TRUE(status) << status.error().message;
    out.read(0, std::as_writable_bytes(std::span(got))).value();
    for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(got[i], expected(mode, values[i])) << mode << " " << i;
  }
}

}  // namespace
}  // namespace nibble::gpu
