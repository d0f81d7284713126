// The device's own ceilings and the rates of the engine's matrix kernels, measured in the run that they judge.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench_ceilings.h"
#include "tools/bench_matrix.h"

namespace nibble::tools {

struct Roofline {
  Ceilings ceilings;
  std::vector<MatrixRate> gemm;  // fp32, int8 x int8, int4 x int8
  std::vector<MatrixRate> gemv;
  // How many times as fast as the one the other product is; 0 where one was not measured.
  double gemm_ratio(Product fast, Product slow) const;
  // The share of its ceiling that a product reaches.
  double gemm_share(const MatrixRate& rate) const;
  // Bytes of weights per second as a share of the bandwidth of a copy.
  double gemv_share(const MatrixRate& rate) const;
};

// How much faster a network is than another of wider numbers, beside what the engine's own products make of that.
struct PrecisionGain {
  Product slow = Product::f32, fast = Product::i8_i8;
  double ratio = 0;             // of the times, slow to fast
  std::optional<double> share;  // of the ratio of the two products, where both were measured
};
// Of two networks by the product that most of their multiply-adds are. Nothing where they are of the same kind.
// `second_to_first`: the ratio of their times.
std::optional<PrecisionGain> precision_gain(const Roofline& roofline, std::optional<Product> first,
                                            std::optional<Product> second, double second_to_first);

// `gemm`: the size of the cube.
Result<Roofline> measure_roofline(const Device& device, int64_t gemm);

std::string roofline_text(const Roofline& roofline);

}  // namespace nibble::tools
