// How a layer reads its input: the values that meet its weights at an output position.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::statistics {

// Of a Conv2d, ConvTranspose2d or Linear node of a graph with bound shapes. An output position is an index into
// [N, OH, OW] (Linear: into all axes but the last).
class PatchReader {
 public:
  static Result<PatchReader> make(const Graph& bound, const Node& node);

  int64_t inputs() const { return inputs_; }  // per convolution group
  int64_t kernel() const { return int64_t{kernel_h_} * kernel_w_; }
  int64_t groups() const { return groups_; }
  int64_t outputs() const { return outputs_; }  // channels, of all groups
  int64_t row() const { return inputs_ * kernel(); }
  int64_t positions() const { return batch_ * out_h_ * out_w_; }
  // Elements of the input and output tensor.
  int64_t input_elements() const { return batch_ * channels_ * in_h_ * in_w_; }

  // rows: [groups, positions.size(), row]; x is the whole input tensor.
  void gather(std::span<const float> x, std::span<const int64_t> positions, float* rows) const;
  // The output tensor's values at these positions: [positions.size(), outputs].
  void gather_outputs(std::span<const float> y, std::span<const int64_t> positions, float* values) const;

 private:
  int64_t source(int64_t out, int32_t k, int64_t in_size, bool vertical) const;

  bool linear_ = false;
  bool transposed_ = false;
  int64_t batch_ = 1, channels_ = 1, in_h_ = 1, in_w_ = 1, out_h_ = 1, out_w_ = 1;
  int64_t inputs_ = 1, outputs_ = 1, groups_ = 1;
  int32_t kernel_h_ = 1, kernel_w_ = 1, stride_h_ = 1, stride_w_ = 1, dilation_h_ = 1, dilation_w_ = 1;
  int32_t pad_top_ = 0, pad_left_ = 0;
};

// `wanted` of `total` positions, ascending, one in each of equally long parts: the same for the same seed. All of them
// where there are not more.
std::vector<int64_t> sampled_positions(int64_t total, int64_t wanted, uint64_t seed);

}  // namespace nibble::statistics
