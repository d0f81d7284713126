// Pipelines of one device, each compiled once for a kernel and its specialization, and kept until the device goes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "gpu/pipeline.h"
#include "kernels/step.h"

namespace nibble {

// Any thread may call; a thread that asks for what another one compiles waits for it.
class PipelinePool {
 public:
  // The pipeline of each step, in their order; pointers stay valid as long as the pool. Compiles what is missing, in
  // several threads where there is enough of it.
  Result<std::vector<const gpu::Pipeline*>> get(const gpu::Device& device, std::span<const Step> steps);

 private:
  struct Key {
    int32_t kernel = -1;
    uint32_t bindings = 0, push_bytes = 0;
    std::vector<std::pair<uint32_t, uint32_t>> spec;
    auto operator<=>(const Key&) const = default;
  };
  static Key key_of(const Step& step);
  struct Code {
    std::once_flag unpacked;
    std::optional<Result<std::vector<uint32_t>>> spirv;
  };
  static Result<gpu::Pipeline> compile(const gpu::Device& device, const Key& key, Code& code);
  Status compile_all(const gpu::Device& device, std::span<const Key> keys);

  std::mutex mutex_;
  std::map<Key, gpu::Pipeline> pipelines_;
};

}  // namespace nibble
