// The networks whose rates bench_matrix measures, and what they must give.
#pragma once

#include <cstddef>
#include <vector>

#include "nibble/model.h"
#include "nibble/session.h"
#include "tools/bench_matrix.h"

namespace nibble::tools {

// Weights of one layer, as plain numbers for the host.
struct MatrixLayer {
  int64_t inputs = 0, outputs = 0;
  std::vector<float> real;            // [outputs, inputs]
  std::vector<int8_t> whole;          // [outputs, inputs]
  std::vector<uint8_t> multipliers;   // int4: [outputs, groups]
  int32_t multiplier = 0, shift = 1;  // of requantize
  float scale = 1;                    // int4 x float
  uint64_t stored_bytes = 0;
};

// Every layer's result is an output of the network, "layer0", ...; the input is "x".
struct MatrixModel {
  std::vector<MatrixLayer> layers;
  Model model;
};
Result<MatrixModel> make_matrix_model(const MatrixJob& job);

// Fills the input.
Status write_matrix_input(Session& session, const MatrixJob& job);

// After a run: each layer's result against its input on the device. Beyond kCheckedProducts multiply-adds of a layer a
// random part of its values.
Status check_matrix_results(const Session& session, const MatrixJob& job, const MatrixModel& model);
inline constexpr int64_t kCheckedProducts = int64_t{1} << 27;

// What a layer makes of a row; for int8 results a whole number. `x`: layer.inputs values, as they are stored.
double matrix_value(const MatrixLayer& layer, Product product, const float* x, int64_t output);
double matrix_value(const MatrixLayer& layer, Product product, const int8_t* x, int64_t output);

}  // namespace nibble::tools
