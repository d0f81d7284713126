#include "converter/compress/stages.h"
#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {

Status import_network(Compression& c) {
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_file(c.options.model, c.options.dims, c.options.outputs));
  if (!imported.obstacles.empty()) {
    return Error{Code::unsupported_op, format("'%s' cannot be converted, %zu obstacle(s):\n", c.options.model.c_str(),
                                              imported.obstacles.size()) +
                                           onnx_import::describe(imported.obstacles)};
  }
  c.graph = std::move(imported.graph);
  return {};
}

Status run_passes(Compression& c) {
  NBL_CHECK(passes::run(c.graph, {.integer_activations = c.integer_activations()}, c.options.dump_after));
  c.original = c.graph;
  return {};
}

}  // namespace nibble::compress
