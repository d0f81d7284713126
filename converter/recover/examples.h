// Where training examples come from: cached features of both networks, or pictures that the original network answers.
#pragma once

#include <memory>
#include <vector>

#include "converter/recover/features.h"
#include "converter/recover/train.h"

namespace nibble::recover {

// Inputs of a block as the changed network computes them, and the outputs of the original's.
class CachedExamples : public Examples {
 public:
  CachedExamples(Features inputs, Features targets, const Subnet& subnet);
  size_t size() const override { return inputs_.values.size() / inputs_.width; }
  Status read(std::span<const size_t> which, uint64_t variant, float* x, float* target, int thread) const override;

 private:
  Features inputs_, targets_;  // channels last
};

// Inputs of the whole network; the targets are what the original says of them. Variants of a picture are mirrored and
// moved by up to an eighth of its size, the border filled with zeros.
class TaughtExamples : public Examples {
 public:
  // The subnet is the original's, for as many samples at once as will be read at once.
  TaughtExamples(Features inputs, std::shared_ptr<const Subnet> original, bool vary, int threads);
  size_t size() const override { return inputs_.values.size() / inputs_.width; }
  Status read(std::span<const size_t> which, uint64_t variant, float* x, float* target, int thread) const override;

 private:
  Features inputs_;  // channels last
  std::shared_ptr<const Subnet> original_;
  Extent picture_;
  bool vary_;
  mutable std::vector<Subnet::Workspace> workspaces_;  // a thread
};

// One row each of a tensor with this extent, reordered to channels last.
void reorder_rows(Features& features, Extent extent);

}  // namespace nibble::recover
