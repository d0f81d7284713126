// The device's own ceilings and the rates of the engine's matrix kernels, measured in the run that they judge.
#pragma once

#include <string>
#include <vector>

#include "tools/bench_ceilings.h"
#include "tools/bench_matrix.h"

namespace nibble::tools {

struct Roofline {
  Ceilings ceilings;
  std::vector<MatrixRate> gemm;  // fp32, int8 x int8, int4 x int8
  std::vector<MatrixRate> gemv;
  // How many times as fast as fp32 the product of int8 is; of a product that is not there 0.
  double gemm_ratio(Product fast, Product slow) const;
  // The share of its ceiling that a product reaches.
  double gemm_share(const MatrixRate& rate) const;
  // Bytes of weights per second as a share of the bandwidth of a copy.
  double gemv_share(const MatrixRate& rate) const;
};

// `gemm`: the size of the cube.
Result<Roofline> measure_roofline(const Device& device, int64_t gemm);

std::string roofline_text(const Roofline& roofline);

}  // namespace nibble::tools
