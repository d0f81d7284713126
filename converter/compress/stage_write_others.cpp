// What is asked for beside the network. It is on disk by now, and whatever fails here leaves it there.
#include <cstdio>

#include "converter/compress/stages.h"
#include "media/atomic_file.h"

namespace nibble::compress {
namespace {

bool written(Compression& c, const char* option, const std::string& path, const Status& status) {
  if (!status) c.undone.push_back(std::string(option) + " '" + path + "': " + status.error().message);
  return status.has_value();
}

}  // namespace

Status write_others(Compression& c) {
  const ConvertOptions& o = c.options;
  if (!o.plan_out.empty()) written(c, "--plan-out", o.plan_out, plan::write(c.plan, o.plan_out));
  if (!c.exported.empty() &&
      written(c, "--export-onnx", o.export_onnx, media::write_file_atomically(o.export_onnx, c.exported))) {
    std::printf("%s: %zu layers with int8 weights, %zu with float weights", o.export_onnx.c_str(),
                c.exported_layers.int8, c.exported_layers.real);
    if (c.exported_layers.tables) std::printf(", %zu functions as tables", c.exported_layers.tables);
    std::printf("\n");
  }
  write_reports(c);
  return {};
}

}  // namespace nibble::compress
