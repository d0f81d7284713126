#include "runtime/random_inputs.h"

#include <cstring>
#include <random>

#include "core/half.h"
#include "core/try.h"

namespace nibble {

Status fill_with_random_numbers(BoundSession& bound, uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t most) { return static_cast<uint32_t>(random() % most); };
  for (size_t i = 0; i < bound.inputs.size(); ++i) {
    const BufferId id = bound.input_edges[i].buffer;
    if (id < 0) continue;
    const TensorInfo& info = bound.inputs[i];
    const gpu::Buffer& buffer = bound.memory_of(id);
    if (!buffer.mapped()) return Error{Code::internal, "the memory of inputs is not visible to the host"};
    auto* bytes = reinterpret_cast<std::byte*>(buffer.mapped()) + bound.offset_of(id);
    const auto put = [&](size_t at, auto value) { std::memcpy(bytes + at * sizeof(value), &value, sizeof(value)); };
    for (size_t k = 0; k < info.elements(); ++k) {
      const bool negative = below(2) != 0;
      const float magnitude = static_cast<float>(1 + below(100)) / 100;
      switch (info.type) {
        case DType::f32: put(k, negative ? -magnitude : magnitude); break;
        case DType::f16: put(k, half_from_float(negative ? -magnitude : magnitude)); break;
        case DType::i8: put(k, static_cast<int8_t>((negative ? -1 : 1) * static_cast<int>(1 + below(127)))); break;
        case DType::u8: put(k, static_cast<uint8_t>(1 + below(255))); break;
        case DType::boolean: put(k, static_cast<uint8_t>(negative)); break;
        case DType::i32:
        case DType::i64: put(k, 1 + below(9)); break;  // 32 bits on the device
        case DType::i4:
        case DType::lut4: break;  // of weights only
      }
    }
    NBL_CHECK(buffer.flush(bound.offset_of(id), bound.plan.buffers[static_cast<size_t>(id)].bytes));
  }
  return {};
}

}  // namespace nibble
