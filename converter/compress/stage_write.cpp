#include <cstdio>
#include <filesystem>
#include <map>

#include "converter/compress/stages.h"
#include "converter/encode/zstd_compressor.h"
#include "core/try.h"
#include "format/writer.h"
#include "graph/cost.h"

namespace nibble::compress {
namespace {

void print_decisions(const std::vector<quantization::Decision>& decisions) {
  std::map<std::string, int> counts;
  for (const auto& d : decisions)
    ++counts[std::string(to_string(d.weights)) + " weights, " + to_string(d.activations) + " activations"];
  for (const auto& [what, count] : counts) std::printf("%4d layers: %s\n", count, what.c_str());
  for (const auto& d : decisions) {
    if (d.reason.empty()) continue;
    std::printf("     wider: %s '%s' stays %s%s: %s\n", d.op.c_str(), d.node.c_str(), to_string(d.weights),
                d.activations == quantization::ActivationFormat::real ? " with float arithmetic" : "",
                d.reason.c_str());
  }
}

}  // namespace

Status write_file(Compression& c) {
  NBL_TRY(const WriteOptions write_options, encode::write_options(c.options.entropy_code));
  NBL_CHECK(write_model(c.graph, c.options.output, write_options));
  if (!c.options.reports.empty()) {
    std::error_code failed;
    const auto bytes = std::filesystem::file_size(c.options.output, failed);
    c.report.file_bytes_after = failed ? 0 : static_cast<uint64_t>(bytes);
  }
  print_decisions(c.decisions);
  std::printf("%s: %zu nodes, weights %.1f kB -> %.1f kB\n", c.options.output.c_str(), c.graph.nodes.size(),
              static_cast<double>(constant_bytes(c.original)) / 1000.0,
              static_cast<double>(constant_bytes(c.graph)) / 1000.0);
  return {};
}

}  // namespace nibble::compress
