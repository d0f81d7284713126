// Feeds arbitrary bytes to the reader of .nbl files: with libFuzzer, or over a saved corpus (run_corpus.cpp).
#include <cstdlib>

#include "format/reader.h"
#include "format/writer.h"
#include "tests/support/nbl_bytes.h"

namespace nibble {
namespace {

// What was accepted must hold together and survive being written and read again.
void require_round_trip(const Graph& graph) {
  const std::string text = dump_text(graph);
  const auto bytes = model_bytes(graph);
  if (!bytes) std::abort();
  const auto back = read_model(*bytes, nullptr);
  if (!back || dump_text(*back) != text || back->metadata != graph.metadata) std::abort();
}

}  // namespace
}  // namespace nibble

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  nibble::test::Bytes bytes(first, first + size);
  if (const auto graph = nibble::read_model(bytes, nullptr)) nibble::require_round_trip(*graph);
  // Checksums would hide nearly everything behind them, so the same with correct ones and a correct length.
  nibble::test::put<uint64_t>(bytes, nibble::test::kLengthAt, size);
  bytes = nibble::test::sealed(std::move(bytes));
  if (const auto graph = nibble::read_model(bytes, nullptr)) nibble::require_round_trip(*graph);
  return 0;
}
