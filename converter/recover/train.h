// Gradient descent on the parameters of a subnet, with examples held out to judge it by.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converter/recover/subnet.h"
#include "nibble/result.h"

namespace nibble::recover {

// What a subnet shall compute. read() may be called from several threads at once, each with its own number.
class Examples {
 public:
  virtual ~Examples() = default;
  virtual size_t size() const = 0;
  // Inputs and targets of these examples, one behind another, channels last. Variant 0 is the example as it is; others
  // may be versions of it.
  virtual Status read(std::span<const size_t> which, uint64_t variant, float* x, float* target, int thread) const = 0;
};

enum class LossKind {
  squared,     // sum of squared differences, relative to the targets' mean sum of squares
  divergence,  // Kullback-Leibler divergence of the softmax over all elements of a sample, from the target's
};

struct Loss {
  LossKind kind = LossKind::squared;
  double energy = 1.0;  // squared: mean over samples of the targets' sum of squares

  // Of one sample; with dy, writes factor * d loss / d y there.
  double operator()(std::span<const float> y, std::span<const float> target, float* dy, double factor) const;
};

struct TrainOptions {
  int64_t steps = 1000;
  int64_t batch = 32;  // samples a step
  // Step size of Adam relative to the root mean square of a weight tensor; falls to nothing along a cosine.
  double rate = 0.01;
  int threads = 2;          // no influence on the result
  bool keep_zeros = false;  // weights that are zero stay zero
  int64_t checks = 10;      // how often the held-out examples are looked at
};

// A mean loss so small that there is nothing to gain: rounding of single sums.
inline constexpr double kNothingLost = 1e-10;

struct Trained {
  std::vector<float> values;  // of all parameters, from the step that did best on the held-out examples
  double before = 0.0;        // mean loss of the held-out examples
  double after = 0.0;
  int64_t best_step = 0;  // 0: nothing was better than the beginning
};

// The number of samples that a subnet for train() runs at once, and how many of them make a batch.
inline constexpr int64_t kChunksPerBatch = 4;

// The subnet's samples() must be batch / kChunksPerBatch. The same examples and options give the same values, whatever
// the number of threads: a batch is always cut into the same chunks, whose gradients are added in their order.
Result<Trained> train(Subnet& subnet, const Examples& examples, const Examples& held_out, const Loss& loss,
                      const TrainOptions& options);

// Mean loss with the values in use.
Result<double> mean_loss(const Subnet& subnet, const Examples& examples, const Loss& loss, int threads);

}  // namespace nibble::recover
