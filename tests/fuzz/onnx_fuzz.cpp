// Feeds arbitrary bytes to the reader of .onnx files: with libFuzzer, or from onnx_damage.cpp.
#include <cstdlib>

#include "converter/onnx/import.h"
#include "converter/passes/pass.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nibble;
  const auto model = onnx_import::read(std::as_bytes(std::span(data, size)), "");
  if (!model) return 0;
  auto imported = onnx_import::import_model(*model);
  if (!imported || !imported->obstacles.empty()) return 0;
  // What was accepted must hold together, whatever the passes do to it.
  if (!passes::run(imported->graph, {}) || !verify(imported->graph)) std::abort();
  return 0;
}
