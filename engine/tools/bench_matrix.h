// Rates of matrix products through the engine's own kernels: chains of fully connected layers, made in memory from
// random numbers that are never zero, and checked against plain sums on the host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nibble/device.h"
#include "nibble/result.h"

namespace nibble::tools {

// Types of weights and activations. Integer weights with integer activations end in int8, as in a quantized network;
// int4 weights have groups of 32.
enum class Product : uint8_t { f32, i8_i8, i4_i8, i4_f32 };
const char* to_string(Product product);  // "int4 x int8"
const char* key_of(Product product);     // "int4_int8"

// `rows` rows go through layers of widths[0] -> widths[1] -> ...; all weights are distinct memory.
struct MatrixJob {
  Product product = Product::f32;
  int64_t rows = 1;
  std::vector<int64_t> widths;
};

// One shape of layer in a job.
struct MatrixRate {
  Product product = Product::f32;
  int64_t rows = 0, inputs = 0, outputs = 0;
  double ns = 0;              // of one layer: the shortest of all runs, each run the mean of its layers
  double median_ns = 0;       // the median of the runs
  uint64_t weight_bytes = 0;  // of one layer, group multipliers included
  std::string kernel;
  double operations() const { return 2.0 * static_cast<double>(rows) * static_cast<double>(inputs * outputs); }
  double operations_per_second() const { return operations() / ns * 1e9; }
  double weight_bytes_per_second() const { return static_cast<double>(weight_bytes) / ns * 1e9; }
};

// All jobs in turns, for `seconds` in all and at least five runs each. By the device's clock; where it has none by the
// host's, over whole runs. Errors: what the device says, and a value that differs from the host's: integers by
// anything, floats by more than rounding, which names product, shape, place and both values.
Result<std::vector<MatrixRate>> measure_matrices(const Device& device, const std::vector<MatrixJob>& jobs,
                                                 double seconds);

// n x n x n as fp32, int8 x int8 and int4 x int8, in this order.
Result<std::vector<MatrixRate>> measure_gemm(const Device& device, int64_t n);

// One row times the weights of a llama of 7 billion parameters, 4096 to 11008 wide (a quarter of it on a CPU), as
// int4 x float, int4 x int8 and int8 x int8. On a GPU as many layers as its caches cannot hold.
Result<std::vector<MatrixRate>> measure_gemv(const Device& device);

}  // namespace nibble::tools
