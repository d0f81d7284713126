#include "converter/compress/stages.h"
#include "core/text.h"
#include "core/try.h"
#include "media/detection.h"
#include "media/read_file.h"
#include "nibble/version.h"

namespace nibble::compress {
namespace {

Result<std::string> read_text(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(path, 16 << 20));
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

// What the file says about itself besides the graph.
Status describe_network(Compression& c) {
  const ConvertOptions& o = c.options;
  Graph& graph = c.graph;
  graph.metadata["producer"] = std::string("nibble-convert ") + version();
  graph.metadata["format"] =
      format("weights %s, activations %s", to_string(o.format.weights), to_string(o.format.activations));
  if (!o.preprocess.empty()) graph.metadata["preprocess"] = media::to_json(c.preprocessing);
  if (!o.classes.empty()) {
    NBL_TRY(graph.metadata["classes"], read_text(o.classes));
  }
  if (!o.detection.empty()) {
    std::string text = o.detection;
    if (text.find('{') == std::string::npos) {
      NBL_TRY(text, read_text(o.detection));
    }
    NBL_TRY(const media::Detection detection, media::parse_detection(text));
    graph.metadata["detection"] = media::to_json(detection);
  }
  for (const std::string& pair : o.metadata) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{Code::invalid_argument, "--meta '" + pair + "': expected KEY=VALUE"};
    graph.metadata[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return {};
}

}  // namespace nibble::compress
