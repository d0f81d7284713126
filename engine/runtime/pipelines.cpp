#include "runtime/pipelines.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "core/try.h"
#include "core/without_exceptions.h"
#include "kernels/kernel_table.h"

#if defined(__cpp_exceptions)
#include <system_error>
#endif

namespace nibble {
namespace {

// Compilers inside drivers take memory by the hundred MB: more threads than this gain little and may not fit.
constexpr size_t kMostThreads = 8;

// Runs `work` in this thread and up to `more` further ones, until all of them have returned.
template <class Work>
void run_in_threads(size_t more, const Work& work) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < more; ++i) {
#if defined(__cpp_exceptions)
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      break;  // no thread to be had: this one does it all
    }
#else
    threads.emplace_back(work);
#endif
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

PipelinePool::Key PipelinePool::key_of(const Step& step) {
  Key key{step.kernel, static_cast<uint32_t>(step.bindings.size()), static_cast<uint32_t>(step.push.size() * 4), {}};
  for (const SpecConstant& constant : step.spec) key.spec.emplace_back(constant.id, constant.value);
  std::sort(key.spec.begin(), key.spec.end());
  return key;
}

Result<gpu::Pipeline> PipelinePool::compile(const gpu::Device& device, const Key& key, Code& code) const {
  std::call_once(code.unpacked, [&] { code.spirv = kernel_code(key.kernel); });
  if (!*code.spirv) return code.spirv->error();
  const Kernel& kernel = kernel_table()[static_cast<size_t>(key.kernel)];
  std::vector<gpu::SpecConstant> constants;
  for (const auto& [id, value] : key.spec) constants.push_back({id, value});
  const std::string name(kernel.name);
  gpu::PipelineSpec spec;
  spec.spirv = **code.spirv;
  spec.bindings = key.bindings;
  spec.push_bytes = key.push_bytes;
  spec.constants = constants;
  spec.name = name.c_str();
  spec.keep = keep_;
  spec.based = true;  // a slice may end within a step
  return gpu::Pipeline::create(device, spec);
}

Status PipelinePool::compile_all(const gpu::Device& device, std::span<const Key> keys, CompileControl* control) {
  std::vector<std::optional<Result<gpu::Pipeline>>> made(keys.size());
  std::map<int32_t, Code> codes;  // each kernel is unpacked once, by the thread that needs it first
  for (const Key& key : keys) codes[key.kernel];
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < keys.size(); i = next++) {
      if (control && control->cancel) return;
      made[i] = without_exceptions([&] { return compile(device, keys[i], codes.at(keys[i].kernel)); });
      if (control) ++control->done;
    }
  };
  const size_t most = control && control->threads > 0 ? std::min(control->threads, kMostThreads) : kMostThreads;
  const size_t threads = std::min({keys.size(), most, size_t{std::max(1u, std::thread::hardware_concurrency())}});
  run_in_threads(threads - 1, work);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!made[i]) continue;  // cancelled before it
    NBL_TRY(gpu::Pipeline pipeline, *std::move(made[i]));
    pipelines_.emplace(keys[i], std::move(pipeline));
  }
  if (after_compiling_) after_compiling_();
  return {};
}

void PipelinePool::clear() {
  const std::lock_guard lock(mutex_);
  pipelines_.clear();
}

const gpu::Pipeline* PipelinePool::find(const Step& step) const {
  const std::lock_guard lock(mutex_);
  const auto found = pipelines_.find(key_of(step));
  return found == pipelines_.end() ? nullptr : &found->second;
}

Result<std::vector<const gpu::Pipeline*>> PipelinePool::get(const gpu::Device& device, std::span<const Step> steps,
                                                            CompileControl* control) {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  std::set<Key> missing;
  for (const Step& step : steps) {
    keys.push_back(key_of(step));
    if (!pipelines_.contains(keys.back())) missing.insert(keys.back());
  }
  if (control) control->total = missing.size();
  if (!missing.empty()) NBL_CHECK(compile_all(device, std::vector<Key>(missing.begin(), missing.end()), control));
  if (control && control->cancel) return Error{nibble::Code::invalid_argument, "preparing the session was cancelled"};
  std::vector<const gpu::Pipeline*> pipelines;
  for (const Key& key : keys) pipelines.push_back(&pipelines_.find(key)->second);
  return pipelines;
}

}  // namespace nibble
