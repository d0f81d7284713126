// Constants of the steps: which blob they go into.
#include <algorithm>

#include "core/try.h"
#include "kernels/lowering.h"

namespace nibble {

Result<BufferId> Lowering::blob(BlobSpec& spec) {
  NBL_CHECK(measure(graph_, spec));
  const std::string key = spec.key();
  if (const auto found = blobs_.find(key); found != blobs_.end()) {
    find_pieces(spec, found->second);
    return found->second;
  }
  NBL_TRY(const std::optional<BufferId> shared, append_to_blob(spec));
  if (shared) {
    blobs_[key] = *shared;
    return *shared;
  }
  PlanBuffer buffer;
  buffer.kind = PlanBuffer::Kind::constants;
  buffer.bytes = spec.bytes;
  buffer.blob = static_cast<int32_t>(plan_.blobs.size());
  const std::string name = spec.pieces.empty() ? "empty" : graph_.desc(spec.pieces[0].tensor).name;
  NBL_TRY(const BufferId id, add_buffer(std::move(buffer), "the constants of '" + name + "'"));
  plan_.blobs.push_back(spec);
  blobs_[key] = id;
  if (worth_sharing(spec)) blob_of_weights_[spec.pieces[0].tensor] = id;
  return id;
}

bool Lowering::worth_sharing(const BlobSpec& spec) const {
  constexpr size_t kLeastBytes = 4096;
  if (spec.pieces.size() < 2 || spec.pieces[0].form != BlobPiece::Form::stored) return false;
  return graph_.tensor(spec.pieces[0].tensor).constant->bytes.size() >= kLeastBytes;
}

// Several nodes with the same weights and biases of their own share the weights: the others' numbers follow in the
// first one's blob, whose pieces stay where they are.
Result<std::optional<BufferId>> Lowering::append_to_blob(BlobSpec& spec) {
  constexpr size_t kMostPieces = 1024;  // each is looked for among the others
  if (!worth_sharing(spec)) return std::optional<BufferId>();
  const auto found = blob_of_weights_.find(spec.pieces[0].tensor);
  if (found == blob_of_weights_.end()) return std::optional<BufferId>();
  PlanBuffer& buffer = plan_.buffers[static_cast<size_t>(found->second)];
  BlobSpec joined = plan_.blobs[static_cast<size_t>(buffer.blob)];
  for (const BlobPiece& piece : spec.pieces) {
    if (std::find(joined.pieces.begin(), joined.pieces.end(), piece) == joined.pieces.end())
      joined.pieces.push_back(piece);
  }
  NBL_CHECK(measure(graph_, joined));
  if (joined.pieces.size() > kMostPieces || joined.bytes > caps_.max_buffer_range) {
    blob_of_weights_.erase(found);  // the next one begins anew
    return std::optional<BufferId>();
  }
  buffer.bytes = joined.bytes;
  plan_.blobs[static_cast<size_t>(buffer.blob)] = std::move(joined);
  find_pieces(spec, found->second);
  return std::optional(found->second);
}

// Where the pieces lie in the blob of a buffer, which has them all.
void Lowering::find_pieces(BlobSpec& spec, BufferId buffer) const {
  const BlobSpec& blob = plan_.blobs[static_cast<size_t>(plan_.buffers[static_cast<size_t>(buffer)].blob)];
  for (size_t i = 0; i < spec.pieces.size(); ++i) {
    const auto at = std::find(blob.pieces.begin(), blob.pieces.end(), spec.pieces[i]) - blob.pieces.begin();
    spec.offset_words[i] = blob.offset_words[static_cast<size_t>(at)];
  }
}

}  // namespace nibble
