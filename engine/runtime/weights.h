// Weights on devices, uploaded once and shared by all sessions of a model.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/mapped_file.h"
#include "format/coded_data.h"
#include "gpu/buffer.h"
#include "runtime/open_device.h"
#include "runtime/plan.h"

namespace nibble {

// Blobs that were uploaded together. Freed with the last session that uses one of them.
struct WeightBlock {
  std::shared_ptr<OpenDevice> device;  // outlives the buffers
  std::vector<gpu::Buffer> buffers;
};

struct WeightPlace {
  std::shared_ptr<const WeightBlock> block;
  gpu::BufferRange range;
};

// The weights that one session uses.
struct SessionWeights {
  std::vector<WeightPlace> blobs;  // in the order of Plan::blobs
  uint64_t bytes = 0;              // of all device buffers that hold them
};

// Where a graph's constants lie, if they came from a file: mapped, or expanded from it.
struct WeightMemory {
  std::shared_ptr<const MappedFile> file;
  std::shared_ptr<const ExpandedData> expanded;
};

// Belongs to a model. Any thread may call; sessions that are created at the same time wait for each other's upload.
class WeightCache {
 public:
  explicit WeightCache(WeightMemory memory = {}) : memory_(std::move(memory)) {}

  // Finds or uploads every blob of the plan.
  Result<SessionWeights> acquire(const std::shared_ptr<OpenDevice>& device, const Plan& plan);

  // Refuses a plan that the device's memory cannot hold beside what is there, with both numbers. To be asked before
  // anything is compiled or uploaded: drivers that promise more memory than there is fail late or not at all.
  Status check_fits(const std::shared_ptr<OpenDevice>& device, const Plan& plan);

 private:
  struct Entry {
    std::weak_ptr<const WeightBlock> block;
    gpu::BufferRange range;
  };
  // A device's address may come back after it has gone, but a block that is alive keeps its device alive.
  using Key = std::pair<const OpenDevice*, std::string>;

  // Expands what a blob is made from, where it was let go of.
  Status restore(const Graph& graph, const BlobSpec& blob) const;
  // Lets go of the file's pages that a blob was made from.
  void release(const Graph& graph, const BlobSpec& blob) const;
  // The same for what was expanded: packed weights, which nobody else reads.
  void release_expanded(const Graph& graph, const BlobSpec& blob) const;
  Status upload(const std::shared_ptr<OpenDevice>& device, const Plan& plan, const std::vector<size_t>& missing,
                std::vector<WeightPlace>& places);

  const WeightMemory memory_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

}  // namespace nibble
