// Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015) on the parameters of a subnet.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converter/recover/subnet.h"

namespace nibble::recover {

class Adam {
 public:
  Adam(const Subnet& subnet, bool keep_zeros);

  // One step. `rate` is relative to each tensor's size: weights move by about rate * their root mean square. Networks
  // whose normalization was folded have tensors of very different sizes, which one rate for all would not suit.
  void step(std::span<const float> gradient, double rate, std::span<float> values);

 private:
  std::vector<float> size_;  // of each parameter's tensor; 0 where it is not to move
  std::vector<float> mean_, square_;
  int64_t steps_ = 0;
};

}  // namespace nibble::recover
