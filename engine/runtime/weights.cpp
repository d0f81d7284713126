#include "runtime/weights.h"

#include <algorithm>
#include <set>

#include "core/text.h"
#include "core/try.h"
#include "gpu/staging.h"

namespace nibble {

void WeightCache::release(const Graph& graph, const BlobSpec& blob) const {
  if (!memory_.file || memory_.expanded) return;
  for (const BlobPiece& piece : blob.pieces) {
    if (piece.tensor == kNoTensor) continue;
    const Tensor& tensor = graph.tensor(piece.tensor);
    if (tensor.constant) memory_.file->release(tensor.constant->bytes);
  }
}

void WeightCache::release_expanded(const Graph& graph, const BlobSpec& blob) const {
  if (!memory_.expanded) return;
  for (const BlobPiece& piece : blob.pieces) {
    if (piece.tensor == kNoTensor) continue;
    const Tensor& tensor = graph.tensor(piece.tensor);
    if (tensor.constant && tensor.desc.packing != Packing::plain) memory_.expanded->release(tensor.constant->bytes);
  }
}

Status WeightCache::restore(const Graph& graph, const BlobSpec& blob) const {
  if (!memory_.expanded) return {};
  for (const BlobPiece& piece : blob.pieces) {
    if (piece.tensor == kNoTensor) continue;
    const Tensor& tensor = graph.tensor(piece.tensor);
    if (tensor.constant) NBL_CHECK(memory_.expanded->restore(tensor.constant->bytes));
  }
  return {};
}

Status WeightCache::upload(const std::shared_ptr<OpenDevice>& device, const Plan& plan,
                           const std::vector<size_t>& missing, std::vector<WeightPlace>& places) {
  std::vector<Lifetime> sizes;
  for (size_t blob : missing) sizes.push_back({plan.blobs[blob].bytes, 0, 0});
  NBL_TRY(const ArenaLayout layout, plan_arena(sizes, buffer_alignment(device->caps()), block_limit(device->caps())));
  auto block = std::make_shared<WeightBlock>();
  block->device = device;
  for (uint64_t bytes : layout.block_bytes) {
    NBL_TRY(gpu::Buffer buffer, gpu::Buffer::create(device->gpu, bytes, gpu::BufferPurpose::device_local, "weights"));
    block->buffers.push_back(std::move(buffer));
  }
  NBL_TRY(gpu::Staging staging, gpu::Staging::create(device->gpu, kStagingBytes));
  for (size_t i = 0; i < missing.size(); ++i) {
    const BlobSpec& blob = plan.blobs[missing[i]];
    const ArenaPlace& place = layout.places[i];
    const gpu::Buffer& buffer = block->buffers[static_cast<size_t>(place.block)];
    NBL_CHECK(restore(plan.graph, blob));
    // Piece by piece, and what was read of the file is let go of: the process holds the weights once, not twice.
    NBL_CHECK(staging.upload(blob.bytes, buffer, place.offset, [&](uint64_t at, std::span<std::byte> out) -> Status {
      NBL_CHECK(materialize(plan.graph, blob, at, out));
      release(plan.graph, blob);
      return {};
    }));
    release_expanded(plan.graph, blob);
    places[missing[i]] = {block, buffer.range(place.offset, blob.bytes)};
  }
  return {};
}

Status WeightCache::check_fits(const std::shared_ptr<OpenDevice>& device, const Plan& plan) {
  uint64_t resident = 0;
  {
    const std::lock_guard lock(mutex_);
    std::set<std::shared_ptr<const WeightBlock>> blocks;
    for (const BlobSpec& blob : plan.blobs) {
      const auto found = entries_.find({device.get(), blob.key()});
      auto block = found == entries_.end() ? nullptr : found->second.block.lock();
      if (!block || !blocks.insert(block).second) continue;
      for (const gpu::Buffer& buffer : block->buffers) resident += buffer.bytes();
    }
  }
  const uint64_t bytes = plan.device_bytes(), has = device->caps().memory_bytes;
  const uint64_t used = device->gpu.stats().allocated_bytes,
                 missing = bytes - std::min(plan.bytes(PlanBuffer::Kind::constants), resident);
  if (used <= has && missing <= has - used) return {};
  const auto ull = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  return Error{
      Code::out_of_memory,
      format("the model needs %llu bytes on the device (weights %llu, activations %llu), device '%s' has %llu "
             "bytes of memory, %llu of them in use",
             ull(bytes), ull(plan.bytes(PlanBuffer::Kind::constants)), ull(plan.bytes(PlanBuffer::Kind::arena)),
             device->caps().device_name.c_str(), ull(has), ull(used))};
}

Result<SessionWeights> WeightCache::acquire(const std::shared_ptr<OpenDevice>& device, const Plan& plan) {
  const std::lock_guard lock(mutex_);
  SessionWeights weights;
  weights.blobs.resize(plan.blobs.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < plan.blobs.size(); ++i) {
    const auto found = entries_.find({device.get(), plan.blobs[i].key()});
    auto block = found == entries_.end() ? nullptr : found->second.block.lock();
    if (block) {
      weights.blobs[i] = {std::move(block), found->second.range};
    } else {
      missing.push_back(i);
    }
  }
  if (!missing.empty()) NBL_CHECK(upload(device, plan, missing, weights.blobs));
  std::erase_if(entries_, [](const auto& entry) { return entry.second.block.expired(); });
  std::set<const WeightBlock*> blocks;
  for (size_t i = 0; i < plan.blobs.size(); ++i) {
    const WeightPlace& place = weights.blobs[i];
    entries_[{device.get(), plan.blobs[i].key()}] = {place.block, place.range};
    if (!blocks.insert(place.block.get()).second) continue;
    for (const gpu::Buffer& buffer : place.block->buffers) weights.bytes += buffer.bytes();
  }
  return weights;
}

}  // namespace nibble
