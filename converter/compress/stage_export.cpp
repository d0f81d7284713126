#include "converter/compress/stages.h"
#include "converter/export/export.h"

namespace nibble::compress {

Status export_onnx(Compression& c) {
  if (c.options.export_onnx.empty()) return {};
  auto exported = onnx_export::export_graph(c.graph, {&c.real, c.format.byte_input, c.format.byte_output});
  if (!exported) {
    c.undone.push_back("--export-onnx '" + c.options.export_onnx + "': " + exported.error().message);
    return {};
  }
  c.exported = std::move(exported->bytes);
  c.exported_layers = {exported->int8_layers, exported->float_layers, exported->tables};
  return {};
}

}  // namespace nibble::compress
