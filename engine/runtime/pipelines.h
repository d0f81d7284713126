// Pipelines of one device, each compiled once for a kernel and its specialization, and kept until the device goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "gpu/pipeline.h"
#include "kernels/step.h"

namespace nibble {

// Of compiling ahead, from another thread.
struct CompileControl {
  std::atomic<size_t> done{0}, total{0};  // pipelines
  std::atomic<bool> cancel{false};        // compile no further ones
  size_t threads = 0;                     // at most; 0: as the machine has processors
};

// Any thread may call; a thread that asks for what another one compiles waits for it.
class PipelinePool {
 public:
  // Without `keep` nothing goes into the device's pipeline cache, for pipelines that are only tried.
  explicit PipelinePool(bool keep = true) : keep_(keep) {}

  // Is called when several pipelines have been compiled, before anything else is allocated; before the first get().
  void set_after_compiling(std::function<void()> call) { after_compiling_ = std::move(call); }

  // The pipeline of each step, in their order; pointers stay valid as long as the pool. Compiles what is missing, in
  // several threads where there is enough of it.
  // `control` may be null; invalid_argument when it cancels.
  Result<std::vector<const gpu::Pipeline*>> get(const gpu::Device& device, std::span<const Step> steps,
                                                CompileControl* control = nullptr);
  // Drops all pipelines.
  void clear();
  // The pipeline of a step if it is compiled already, else null.
  const gpu::Pipeline* find(const Step& step) const;

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
  Result<gpu::Pipeline> compile(const gpu::Device& device, const Key& key, Code& code) const;
  Status compile_all(const gpu::Device& device, std::span<const Key> keys, CompileControl* control);

  const bool keep_;
  std::function<void()> after_compiling_;
  mutable std::mutex mutex_;
  std::map<Key, gpu::Pipeline> pipelines_;
};

}  // namespace nibble
