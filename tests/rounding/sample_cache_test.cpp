// What is kept of samples between passes: within a limit that may change.
#include "converter/rounding/sample_cache.h"

#include <gtest/gtest.h>

namespace nibble::rounding {
namespace {

SampleTensors tensors(float value) {
  TensorDesc desc;
  desc.shape = {1, 100};
  reference::FloatValue v = reference::make_value<float>(desc).value();
  std::fill(v.real.begin(), v.real.end(), value);
  return {{0, v}};
}

TEST(sample_cache, lets_the_last_samples_go_where_it_may_keep_less) {
  const StoredScales scales(1);  // floats stay floats: 400 bytes a tensor
  SampleCache cache(4, 2500, scales);
  for (size_t s = 0; s < 4; ++s) cache.store(s, 1, tensors(static_cast<float>(s)), tensors(0.0f));
  EXPECT_EQ(cache.level(2), 1);
  EXPECT_EQ(cache.level(3), -1) << "800 bytes a sample: three fit";
  cache.limit(1700);
  EXPECT_EQ(cache.level(1), 1);
  EXPECT_EQ(cache.level(2), -1);
  cache.store(3, 2, tensors(3.0f), tensors(0.0f));
  EXPECT_EQ(cache.level(3), -1);
  cache.limit(2500);
  cache.store(3, 2, tensors(3.0f), tensors(0.0f));
  EXPECT_EQ(cache.level(3), 2);
  cache.store(0, 2, tensors(7.0f), tensors(0.0f));  // takes the place of its older level
  EXPECT_EQ(cache.level(0), 2);
  SampleTensors original, quantized;
  cache.load(0, original, quantized);
  EXPECT_EQ(original.at(0).real[99], 7.0f);
  cache.limit(0);
  for (size_t s = 0; s < 4; ++s) EXPECT_EQ(cache.level(s), -1);
}

TEST(sample_cache, keeps_no_more_of_many_samples) {
  const StoredScales scales(1);
  SampleCache cache(SampleCache::kMostSamples + 2, size_t{1} << 30, scales);
  for (size_t s = SampleCache::kMostSamples - 1; s < SampleCache::kMostSamples + 2; ++s)
    cache.store(s, 1, tensors(1.0f), tensors(0.0f));
  EXPECT_EQ(cache.level(SampleCache::kMostSamples - 1), 1);
  EXPECT_EQ(cache.level(SampleCache::kMostSamples), -1);
  EXPECT_EQ(cache.level(SampleCache::kMostSamples + 1), -1);
}

}  // namespace
}  // namespace nibble::rounding
