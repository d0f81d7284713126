#include "converter/rounding/sample_cache.h"

namespace nibble::rounding {
namespace {

size_t value_bytes(const reference::FloatValue& v) {
  return v.real.size() * sizeof(float) + v.stored.size() * sizeof(int64_t);
}

}  // namespace

void SampleCache::load(size_t sample, SampleTensors& original, SampleTensors& quantized) const {
  const Kept& kept = kept_[sample];
  original = kept.original;
  quantized = kept.quantized;
  for (const auto& [id, stored] : kept.stored) {
    reference::FloatValue& value = quantized.at(id);
    value.real.resize(stored.size());
    from_stored(*scales_[static_cast<size_t>(id)], stored, value.real);
  }
}

void SampleCache::limit(size_t bytes) {
  most_ = bytes;
  for (size_t s = kept_.size(); s-- > 0 && used_ > most_;) {
    used_ -= kept_[s].bytes;
    kept_[s] = {};
  }
}

void SampleCache::store(size_t sample, int level, const SampleTensors& original, const SampleTensors& quantized) {
  if (sample >= kMostSamples) return;
  Kept& kept = kept_[sample];
  size_t bytes = 0;
  for (const auto& [id, value] : original) bytes += value_bytes(value);
  for (const auto& [id, value] : quantized)
    bytes += value.is_real() && scales_[static_cast<size_t>(id)] ? value.real.size() : value_bytes(value);
  if (used_ - kept.bytes + bytes > most_) return;
  used_ += bytes - kept.bytes;
  kept = {level, bytes, original, {}, {}};
  for (const auto& [id, value] : quantized) {
    if (!value.is_real() || !scales_[static_cast<size_t>(id)]) {
      kept.quantized.emplace(id, value);
      continue;
    }
    kept.stored[id] = to_stored(*scales_[static_cast<size_t>(id)], value.real);
    kept.quantized.emplace(id, reference::FloatValue{value.desc, value.shape, {}, {}});
  }
}

}  // namespace nibble::rounding
