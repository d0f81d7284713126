// A network that went through the quantizer and out as ONNX, and what the importer makes of that file.
#pragma once

#include "converter/export/export.h"
#include "tests/converter/quantized_net.h"

namespace nibble::test {

struct ExportedNet {
  QuantizedNet net;
  onnx_export::Exported file;
  Graph again;            // the file imported, passes run
  Graph again_quantized;  // and quantized by the scales that it brings
};

inline Result<Graph> import_bytes(const std::string& bytes) {
  NBL_TRY(const onnx_import::Model model, onnx_import::read(std::as_bytes(std::span(bytes)), ""));
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_model(model));
  if (!imported.obstacles.empty()) return Error{Code::unsupported_op, onnx_import::describe(imported.obstacles)};
  return std::move(imported.graph);
}

inline ExportedNet export_net(const OnnxBuilder& builder, const quantization::Options& options = {}) {
  ExportedNet out;
  out.net = quantize_net(builder, options);
  auto file =
      onnx_export::export_graph(out.net.quantized.graph, {&out.net.original, options.byte_input, options.byte_output});
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return out;
  out.file = std::move(*file);
  auto again = import_bytes(out.file.bytes);
  EXPECT_TRUE(again) << again.error().message << "\n" << dump_text(out.net.quantized.graph);
  if (!again) return out;
  out.again = std::move(*again);
  const bool integer = options.activations == quantization::ActivationFormat::int8;
  EXPECT_TRUE(passes::run(out.again, {.integer_activations = integer}));
  if (!integer) return out;
  auto quantized = quantization::quantize(out.again, {}, {});
  EXPECT_TRUE(quantized) << quantized.error().message << "\n" << dump_text(out.again);
  if (quantized) out.again_quantized = std::move(quantized->graph);
  return out;
}

struct Difference {
  double most = 0.0;   // greatest, as a share of the greatest output
  double share = 0.0;  // of outputs that differ by more than 1e-6 of it
};

inline Difference difference(const Graph& a, const Graph& b, uint32_t seed = 11) {
  std::vector<Floats> inputs;
  for (TensorId id : a.inputs) {
    inputs.push_back(noise(static_cast<size_t>(elements(a.desc(id).shape).evaluate({})), seed));
    if (a.desc(id).type == DType::u8) {
      for (float& v : inputs.back()) v = std::round((v + 1.0f) * 127.0f);
    }
  }
  const auto x = run_floats(a, inputs), y = run_floats(b, inputs);
  EXPECT_TRUE(x) << x.error().message;
  EXPECT_TRUE(y) << y.error().message << "\n" << dump_text(b);
  Difference out{1e9, 1.0};
  if (!x || !y || x->size() != y->size()) return out;
  double greatest = 1e-12, most = 0.0;
  size_t total = 0, differ = 0;
  for (const auto& values : *x) {
    for (double v : values) greatest = std::max(greatest, std::abs(v));
  }
  for (size_t k = 0; k < x->size(); ++k) {
    EXPECT_EQ((*x)[k].size(), (*y)[k].size());
    if ((*x)[k].size() != (*y)[k].size()) return out;
    for (size_t i = 0; i < (*x)[k].size(); ++i, ++total) {
      const double d = std::abs((*x)[k][i] - (*y)[k][i]) / greatest;
      most = std::max(most, d);
      differ += d > 1e-6 ? 1 : 0;
    }
  }
  return {most, static_cast<double>(differ) / static_cast<double>(std::max<size_t>(total, 1))};
}

}  // namespace nibble::test
