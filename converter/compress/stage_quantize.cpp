#include <algorithm>

#include "converter/compress/stages.h"
#include "core/try.h"
#include "format/pack_graph.h"

namespace nibble::compress {
namespace {

// Byte pixels as the preprocessing defines values: (pixel / 255 - mean) / std.
quantization::BytePixels input_pixels(const media::Preprocessing& p) {
  quantization::BytePixels out;
  const size_t channels = std::max<size_t>({p.mean.size(), p.std.size(), 1});
  for (size_t c = 0; c < channels; ++c) {
    const double mean = p.mean.empty() ? 0.0 : p.mean[p.mean.size() == 1 ? 0 : c],
                 std = p.std.empty() ? 1.0 : p.std[p.std.size() == 1 ? 0 : c];
    out.factor.push_back(static_cast<float>(1.0 / (255.0 * std)));
    out.offset.push_back(static_cast<float>(-mean / std));
  }
  return out;
}

}  // namespace

Status quantize_graph(Compression& c) {
  if (c.options.input_type == "uint8") c.format.byte_input = input_pixels(c.preprocessing);
  if (c.options.output_type == "uint8") {
    c.format.byte_output =
        quantization::BytePixels{{static_cast<float>(1.0 / c.preprocessing.output_scale)},
                                 {static_cast<float>(-c.preprocessing.output_offset / c.preprocessing.output_scale)}};
  }
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(c.graph, c.ranges, c.format));
  c.real = std::move(c.graph);
  c.graph = std::move(quantized.graph);
  c.decisions = std::move(quantized.decisions);
  return {};
}

Status pack_weights(Compression& c) { return pack_graph(c.graph); }

}  // namespace nibble::compress
