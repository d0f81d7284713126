#include "converter/compress/file_bytes.h"

#include "converter/encode/zstd_compressor.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "format/writer.h"

namespace nibble::compress {

Result<double> file_bytes_of(Graph graph, bool coded) {
  NBL_CHECK(pack_graph(graph));
  NBL_TRY(const WriteOptions options, encode::write_options(coded));
  NBL_TRY(const std::vector<std::byte> bytes, model_bytes(graph, options));
  return static_cast<double>(bytes.size());
}

}  // namespace nibble::compress
