// The converted network as an ONNX file, to be checked in other runtimes or trained further.
//
// Integer nodes become the float operator between DequantizeLinear and QuantizeLinear with the same scales and zero
// points (the "QDQ" form); int8 weights stay int8, biases int32 of scale x * weights. A fused ReLU or clamp is a Relu
// or Clip before the QuantizeLinear, also where nibble keeps to [-127, 127] and ONNX would use -128. int4 weights
// become int8 where a row's multipliers have a common factor that lets them fit, else float weights of exactly the same
// values. Float nodes stay as they are; fp16 storage is a Cast there and back.
//
// What may differ from nibble: QuantizeLinear rounds ties to even (nibble away from zero), and a runtime may round its
// float sums: at most a step of a layer's output scale.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/quantize/quantize.h"
#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::onnx_export {

struct Options {
  // The float graph that the network was made of, if any: says what a table of an integer node stands for. Without it
  // such tables are looked up with Gather.
  const Graph* meaning = nullptr;
  std::optional<quantization::BytePixels> byte_input;  // as the network was quantized with
  std::optional<quantization::BytePixels> byte_output;
};

struct Exported {
  std::string bytes;        // of the file
  size_t int8_layers = 0;   // weights stored as int8
  size_t float_layers = 0;  // weights stored as float: float layers, and int4 rows that int8 cannot hold
  size_t tables = 0;        // integer functions written as a Gather from their table
};

// Plain packing only (before pack_graph). An error names a node that opset 17 cannot say, or a free dimension that
// stands in the way.
Result<Exported> export_graph(const Graph& graph, const Options& options);

// Whether a float graph, and what becomes of it in integers, can be said in ONNX: the errors of export_graph() but for
// a size beyond 2 GB, before there is anything to write.
Status check_exportable(const Graph& graph);

// The numbers that the weights of a Conv2d, ConvTranspose2d or Linear stand for, in plain order, whatever their format.
Result<std::vector<float>> real_weights(const Graph& graph, const Node& node);

}  // namespace nibble::onnx_export
