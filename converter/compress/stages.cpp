#include "converter/compress/stages.h"

#include <cstring>

#include "core/try.h"

namespace nibble::compress {

const std::vector<Stage>& stages() {
  // Pruning and equalisation change the float network and come before the ranges; rounding needs both; nothing comes
  // between quantize and write that changes a value.
  static const std::vector<Stage> list = {
      {"import", import_network},      //
      {"passes", run_passes},          //
      {"samples", open_samples},       //
      {"describe", describe_network},  //
      {"dead", remove_dead},           //
      {"ranges", find_ranges},         //
      {"quantize", quantize_graph},    //
      {"export", export_onnx},         //
      {"pack", pack_weights},          //
      {"write", write_file},           //
  };
  return list;
}

Status run(Compression& compression) {
  for (const Stage& stage : stages()) {
    NBL_CHECK(stage.run(compression));
    if (compression.options.check_only && std::strcmp(stage.name, "passes") == 0) break;
  }
  return {};
}

}  // namespace nibble::compress
