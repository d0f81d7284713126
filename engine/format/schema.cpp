#include "format/schema.h"

#include "core/text.h"

namespace nibble::fbs {
namespace {

template <class Root>
Result<const Root*> open(std::span<const std::byte> section, const char* name) {
  if (section.size() > kMaxFlatBytes) {
    return Error{Code::corrupt_file,
                 format("section %s is larger than %llu bytes", name, static_cast<unsigned long long>(kMaxFlatBytes))};
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(section.data());
  flatbuffers::Verifier::Options options;
  options.max_depth = 4;  // root, vector element
  options.max_tables = 1u << 20;
  flatbuffers::Verifier verifier(bytes, section.size(), options);
  if (!verifier.VerifyBuffer<Root>(nullptr)) {
    return Error{Code::corrupt_file, format("section %s is damaged", name)};
  }
  return flatbuffers::GetRoot<Root>(bytes);
}

}  // namespace

uint16_t operator_version(uint16_t) { return 1; }

Result<const Graph*> open_graph(std::span<const std::byte> section) { return open<Graph>(section, "GRPH"); }

Result<const Metadata*> open_metadata(std::span<const std::byte> section) { return open<Metadata>(section, "META"); }

}  // namespace nibble::fbs
