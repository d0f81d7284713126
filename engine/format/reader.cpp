#include "format/reader.h"

#include <cstring>
#include <new>

#include "core/mapped_file.h"
#include "core/text.h"
#include "core/try.h"
#include "format/coded_data.h"
#include "format/container.h"
#include "format/graph_decoder.h"

namespace nibble {
namespace {

constexpr size_t kAlignment = 16;  // of the file's first byte in memory, so that all sections and constants are aligned

Result<Graph> read_aligned(std::span<const std::byte> file, std::shared_ptr<const void> owner, ReadOptions options,
                           std::shared_ptr<const ExpandedData>& expanded) {
  NBL_TRY(const Container container, read_container(file, options.check_data));
  const Section* graph_section = container.find(kGraphTag);
  if (!graph_section) return Error{Code::corrupt_file, "it has no section GRPH"};
  std::span<const std::byte> data;
  std::shared_ptr<const void> data_owner = owner;
  if (const Section* section = container.find(kDataTag)) data = section_bytes(file, *section);
  uint64_t stored_bytes = data.size();
  if (const Section* section = container.find(kCodedDataTag)) {
    if (container.find(kDataTag)) return Error{Code::corrupt_file, "it has both sections DATA and ZDAT"};
    NBL_TRY(expanded, ExpandedData::open(section_bytes(file, *section), owner));
    data = expanded->bytes();
    stored_bytes = section->bytes;
    data_owner = expanded;
  }
  // The file's owner stays here as well: a graph without constants lets go of it, and META is still to be read.
  NBL_TRY(Graph graph, decode_graph(section_bytes(file, *graph_section), data, stored_bytes, data_owner));
  if (const Section* section = container.find(kMetaTag)) {
    NBL_TRY(graph.metadata, decode_metadata(section_bytes(file, *section)));
  }
  // Here a broken rule is the file's fault, whatever code it has for a graph that a program builds.
  if (auto status = verify(graph); !status) {
    const Code code = status.error().code;
    return Error{code == Code::unsupported_version ? code : Code::corrupt_file, status.error().message};
  }
  return graph;
}

Result<Graph> read_bytes(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, ReadOptions options,
                         std::shared_ptr<const ExpandedData>& expanded) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment == 0) {
    return read_aligned(bytes, std::move(owner), options, expanded);
  }
  struct alignas(kAlignment) Block {
    std::byte bytes[kAlignment];
  };
  const size_t blocks = (bytes.size() + kAlignment - 1) / kAlignment;
  std::shared_ptr<Block[]> copy(new (std::nothrow) Block[blocks]);
  if (!copy) return Error{Code::out_of_memory, format("no memory for a model of %zu bytes", bytes.size())};
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return read_aligned({copy[0].bytes, bytes.size()}, copy, options, expanded);
}

}  // namespace

Result<Graph> read_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, ReadOptions options) {
  std::shared_ptr<const ExpandedData> expanded;
  return read_bytes(bytes, std::move(owner), options, expanded);
}

Result<LoadedModel> load_model(const std::string& path, ReadOptions options) {
  LoadedModel out;
  NBL_TRY(out.file, MappedFile::open(path));
  auto graph = read_bytes(out.file->bytes(), out.file, options, out.expanded);
  if (!graph) return std::move(graph).error().with_context(path);
  out.graph = *std::move(graph);
  return out;
}

Result<Graph> read_model(const std::string& path, ReadOptions options) {
  NBL_TRY(LoadedModel loaded, load_model(path, options));
  return std::move(loaded.graph);
}

}  // namespace nibble
