// What is wrong with the samples is said before anything is computed from them.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "converter/compress/stages.h"
#include "converter/data/naturalness.h"
#include "converter/data/network_inputs.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

constexpr size_t kLooked = 32;  // spread over the set; SampleRuns checks every sample it runs for NaN
constexpr size_t kFew = 8;

}  // namespace

Status check_samples(Compression& c) {
  if (quantization::has_own_scales(c.graph) && c.integer_activations()) {
    std::fprintf(stderr, "nibble-convert: '%s' comes quantized (QuantizeLinear): its own scales are kept%s\n",
                 c.options.model.c_str(), c.samples ? "; samples only serve tensors that have none" : "");
  }
  if (!c.samples) return {};
  const size_t count = c.samples->size();
  if (count < kFew) {
    std::fprintf(stderr,
                 "nibble-convert: warning: %zu sample%s: ranges and rounding follow what these happen to hold; 100 "
                 "or more are better\n",
                 count, count == 1 ? "" : "s");
  }
  std::vector<double> shares;
  size_t looked = 0, constant = 0;
  for (size_t k = 0; k < std::min(count, kLooked); ++k) {
    const size_t i = k * count / std::min(count, kLooked);
    NBL_TRY(const DimBindings dims, dims_of_sample(c.graph, c.samples->set, i, c.preprocessing));
    NBL_TRY(const Graph bound, bind_dims(c.graph, dims));
    NBL_TRY(const std::vector<reference::FloatValue> values, sample_inputs(bound, c.samples->set, i, c.preprocessing));
    for (const reference::FloatValue& value : values) {
      if (!value.is_real() || value.real.empty()) continue;
      ++looked;
      constant +=
          std::all_of(value.real.begin(), value.real.end(), [&](float v) { return v == value.real[0]; }) ? 1 : 0;
      if (const auto share = coarse_share(value.real, value.shape)) shares.push_back(*share);
    }
  }
  if (looked > 0 && constant == looked) {
    std::fprintf(stderr, "nibble-convert: warning: every sample looked at in '%s' has one value throughout\n",
                 c.options.calibrate.c_str());
  }
  // A single photograph of a wall or of gravel may look like noise; all of a few don't.
  const auto middle = shares.size() < 4 && !shares.empty()
                          ? std::optional(*std::max_element(shares.begin(), shares.end()))
                          : median(shares);
  if (!middle || *middle >= kNoiseShare) return {};
  const std::string what = format(
      "the samples in '%s' look like random noise (coarse structure is %.1f %% of their variance, natural pictures "
      "have 20 to 80 %%)",
      c.options.calibrate.c_str(), 100 * std::max(0.0, *middle));
  if (c.options.allow_noise) {
    std::fprintf(stderr, "nibble-convert: warning: %s\n", what.c_str());
    return {};
  }
  return Error{Code::invalid_argument,
               what + ": ranges taken from noise ruin a network. Give real samples, or --allow-noise"};
}

}  // namespace nibble::compress
