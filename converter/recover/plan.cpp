#include "converter/recover/plan.h"

#include <algorithm>

#include "core/text.h"

namespace nibble::recover {

Result<Split> split_samples(size_t samples) {
  constexpr size_t kFewest = 10, kShare = 5;
  if (samples < kFewest) {
    return Error{Code::invalid_argument, format("recovery needs at least %zu samples, found %zu", kFewest, samples)};
  }
  Split out;
  for (size_t i = 0; i < samples; ++i) (i % kShare == kShare - 1 ? out.held_out : out.train).push_back(i);
  return out;
}

int64_t chunk_samples(const Subnet& of_one_sample, const Options& options) {
  const Subnet::Workspace workspace = of_one_sample.workspace(true);
  size_t floats = 0;
  for (const std::vector<float>& v : workspace.values) floats += v.size();
  for (const std::vector<float>& v : workspace.gradients) floats += v.size();
  const size_t one = std::max<size_t>(floats * sizeof(float), 1) * 2;  // of two threads
  const auto fit = static_cast<int64_t>(options.cache_bytes / one);
  return std::clamp<int64_t>(std::min(options.batch / kChunksPerBatch, fit), 1, 64);
}

TrainOptions train_options(const Options& options, int64_t chunk, int64_t steps) {
  TrainOptions out;
  out.steps = steps;
  out.batch = chunk * kChunksPerBatch;
  out.rate = options.rate;
  out.threads = options.threads;
  out.keep_zeros = options.keep_zeros;
  return out;
}

}  // namespace nibble::recover
