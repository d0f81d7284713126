#include <cstdio>

#include "converter/compress/stages.h"
#include "converter/export/export.h"
#include "core/try.h"
#include "media/atomic_file.h"

namespace nibble::compress {

Status export_onnx(Compression& c) {
  if (c.options.export_onnx.empty()) return {};
  NBL_TRY(const onnx_export::Exported exported,
          onnx_export::export_graph(c.graph, {&c.real, c.format.byte_input, c.format.byte_output}));
  NBL_CHECK(media::write_file_atomically(c.options.export_onnx, exported.bytes));
  std::printf("%s: %zu layers with int8 weights, %zu with float weights", c.options.export_onnx.c_str(),
              exported.int8_layers, exported.float_layers);
  if (exported.tables) std::printf(", %zu functions as tables", exported.tables);
  std::printf("\n");
  return {};
}

}  // namespace nibble::compress
