#include "format/writer.h"

#include <array>

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/try.h"
#include "format/container.h"
#include "format/data_layout.h"
#include "format/graph_encoder.h"

namespace nibble {
namespace {

using Sink = DataLayout::Sink;

// Passes on what it is given and counts it.
class Stream {
 public:
  explicit Stream(const Sink& sink) : sink_(sink) {}

  Status write(std::span<const std::byte> bytes) {
    at_ += bytes.size();
    return sink_(bytes);
  }

  Status pad_to(uint64_t offset) {
    static constexpr std::array<std::byte, 512> kZeros{};
    while (at_ < offset) {
      const uint64_t gap = offset - at_;
      NBL_CHECK(write(std::span(kZeros).first(gap < kZeros.size() ? static_cast<size_t>(gap) : kZeros.size())));
    }
    return {};
  }

 private:
  const Sink& sink_;
  uint64_t at_ = 0;
};

// DATA is checksummed first and written in a second pass over the constants, so that nothing must be seekable.
Result<Section> describe_data(const DataLayout& data) {
  Section out{.tag = kDataTag, .required = true, .bytes = data.bytes()};
  NBL_CHECK(data.write([&](std::span<const std::byte> bytes) -> Status {
    out.crc = crc32c(bytes, out.crc);
    return {};
  }));
  return out;
}

Section describe(const SectionTag& tag, bool required, std::span<const std::byte> bytes) {
  return {.tag = tag, .required = required, .bytes = bytes.size(), .crc = crc32c(bytes)};
}

Status write_to(const Graph& graph, const WriteOptions& options, const Sink& sink) {
  NBL_CHECK(verify(graph));
  DataLayout data;
  NBL_TRY(const std::vector<uint8_t> meta, encode_metadata(graph.metadata));
  NBL_TRY(const std::vector<uint8_t> grph, encode_graph(graph, data));
  const auto meta_bytes = std::as_bytes(std::span(meta)), graph_bytes = std::as_bytes(std::span(grph));
  const bool coded = options.compressor && data.bytes() > 0;
  std::vector<std::byte> zdat;

  std::vector<Section> sections{describe(kMetaTag, false, meta_bytes), describe(kGraphTag, true, graph_bytes)};
  if (coded) {
    NBL_TRY(zdat, encode_data(data, options.compressor));
    sections.push_back(describe(kCodedDataTag, true, zdat));
  } else if (data.bytes() > 0) {
    NBL_TRY(Section section, describe_data(data));
    sections.push_back(section);
  }
  const ContainerLayout layout = lay_out_container(sections);

  Stream stream(sink);
  NBL_CHECK(stream.write(layout.header));
  NBL_CHECK(stream.pad_to(sections[0].offset));
  NBL_CHECK(stream.write(meta_bytes));
  NBL_CHECK(stream.pad_to(sections[1].offset));
  NBL_CHECK(stream.write(graph_bytes));
  if (data.bytes() == 0) return {};
  NBL_CHECK(stream.pad_to(sections[2].offset));
  if (coded) return stream.write(zdat);
  return data.write([&](std::span<const std::byte> bytes) { return stream.write(bytes); });
}

}  // namespace

Status write_model(const Graph& graph, const std::string& path, const WriteOptions& options) {
  NBL_TRY(AtomicFile file, AtomicFile::create(path));
  NBL_CHECK(write_to(graph, options, [&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  return file.commit();
}

Result<std::vector<std::byte>> model_bytes(const Graph& graph, const WriteOptions& options) {
  std::vector<std::byte> out;
  NBL_CHECK(write_to(graph, options, [&](std::span<const std::byte> bytes) -> Status {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  }));
  return out;
}

}  // namespace nibble
