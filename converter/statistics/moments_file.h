// Moments on disk: gathered once, added up, used again. A file is read and written a layer at a time, so that it may be
// larger than memory.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converter/statistics/moments_collector.h"
#include "core/atomic_file.h"

namespace nibble::statistics {

// What moments are of.
struct MomentsOrigin {
  std::string network;        // fingerprint of the layers: names, sizes and weights (see fingerprint())
  int64_t positions = 0;      // per sample
  std::string preprocessing;  // as JSON text
  // Numbers of the samples: first and one behind the last of each part, ascending, not touching.
  std::vector<std::pair<uint64_t, uint64_t>> samples;

  uint64_t sample_count() const;
  // The first number from `from` on that is not among the samples.
  uint64_t first_missing(uint64_t from) const;
};

std::string fingerprint(const Graph& graph);

// Checksum of a file of statistics, 8 hexadecimal digits.
Result<std::string> checksum(const std::string& path);

// The samples of both; an error where they are of different networks, preprocessings or numbers of positions, or hold a
// sample twice.
Result<MomentsOrigin> joined(const MomentsOrigin& a, const MomentsOrigin& b);

// A file of statistics, open: its layers are read when they are asked for.
class MomentsFile {
 public:
  // Checks the checksum and all sizes. Errors say what is wrong with the file.
  static Result<MomentsFile> open(const std::string& path);

  const MomentsOrigin& origin() const { return origin_; }
  std::vector<std::string> layers() const;  // names, ascending
  bool contains(const std::string& layer) const { return layers_.contains(layer); }
  size_t bytes() const;  // of all moments in memory
  Result<LayerMoments> layer(const std::string& name) const;

 private:
  struct Layer {
    int64_t inputs = 0, kernel = 0, groups = 0;
    uint64_t offset = 0;  // of what follows the sizes
  };
  MomentsFile() = default;
  Status read_index(uint64_t size);

  std::string path_;
  std::shared_ptr<std::FILE> file_;  // the very file that was checked, even if another takes its name
  MomentsOrigin origin_;
  std::map<std::string, Layer> layers_;
};

// Writes such a file: little-endian, sums below the diagonal only, with a checksum; replaced as a whole, so that an
// interrupted run leaves the file of before.
class MomentsWriter {
 public:
  static Result<MomentsWriter> create(const std::string& path, const MomentsOrigin& origin, size_t layers);
  // As many as were said, by ascending name.
  Status add(const std::string& name, const LayerMoments& moments);
  Status finish();

 private:
  explicit MomentsWriter(AtomicFile file) : file_(std::move(file)) {}
  Status put(const void* data, size_t bytes);
  Status put_number(uint64_t value) { return put(&value, sizeof(value)); }
  Status put_text(const std::string& text);

  AtomicFile file_;
  uint32_t crc_ = 0;
  size_t left_ = 0;
  std::string last_;
};

// The sum of files, layer by layer, to `path`. An error names the file that does not belong to those before it.
Status add_files(const std::vector<std::string>& paths, const std::string& path);

// An error where the file is of another network.
Status check_network(const MomentsFile& file, const Graph& graph);

}  // namespace nibble::statistics
