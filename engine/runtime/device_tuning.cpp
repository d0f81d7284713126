#include "runtime/device_tuning.h"

#include "core/text.h"
#include "gpu/pipeline_cache.h"
#include "kernels/kernel_table.h"

namespace nibble {

DeviceTuning::DeviceTuning(const gpu::Device& device) : choices_(std::make_shared<const Choices>()) {
  gpu::StoredTuning stored = device.stored_tuning(kernel_table_hash());
  ignored_ = std::move(stored.ignored);
  auto choices = Choices::parse(stored.text);
  if (choices) {
    choices_ = std::make_shared<const Choices>(*std::move(choices));
  } else {
    ignored_ = format("pipeline cache '%s': %s: using the untuned choice", device.pipeline_cache_path().c_str(),
                      choices.error().message.c_str());
  }
}

std::shared_ptr<const Choices> DeviceTuning::choices() const {
  const std::lock_guard lock(mutex_);
  return choices_;
}

Status DeviceTuning::add(const gpu::Device& device, const Choices& choices) {
  const std::lock_guard lock(mutex_);
  auto all = std::make_shared<Choices>(*choices_);
  for (const auto& [problem, choice] : choices.entries()) {
    if (!all->set(problem, choice)) {
      return Error{Code::out_of_memory, format("a device keeps at most %zu tuned choices", kMostChoices)};
    }
  }
  for (const auto& [problem, choice] : choices.entries()) learned_.set(problem, choice);
  // Another program may have tuned other networks with the same file meanwhile.
  device.store_tuning(kernel_table_hash(), all->to_text(),
                      [learned = learned_](std::string_view stored, std::string ours) {
                        auto merged = Choices::parse(stored);
                        if (!merged) return ours;
                        for (const auto& [problem, choice] : learned.entries()) merged->set(problem, choice);
                        return merged->to_text();
                      });
  choices_ = std::move(all);
  return {};
}

}  // namespace nibble
