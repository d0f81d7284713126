// Moments on disk: gathered once, added up, used again.
#pragma once

#include <map>
#include <string>

#include "converter/statistics/moments_collector.h"

namespace nibble::statistics {

// Moments of a network's layers by node name, and of which samples they are.
struct MomentsFile {
  std::string network;        // fingerprint of the layers: names, sizes and weights (see fingerprint())
  int64_t positions = 0;      // per sample
  std::string preprocessing;  // as JSON text
  // Numbers of the samples: first and one behind the last of each part, ascending, not touching.
  std::vector<std::pair<uint64_t, uint64_t>> samples;
  std::map<std::string, LayerMoments> layers;

  uint64_t sample_count() const;
  // The first number from `from` on that is not among the samples.
  uint64_t first_missing(uint64_t from) const;
};

std::string fingerprint(const Graph& graph);

// Checksum of a file of statistics, 8 hexadecimal digits.
Result<std::string> checksum(const std::string& path);

// An error where they are of different networks, preprocessings or numbers of positions, and so cannot be added.
Status check_same_origin(const MomentsFile& into, const MomentsFile& other);

// Adds `other`; an error where it is of another network, preprocessing or number of positions, or holds a sample twice.
Status merge(MomentsFile& into, const MomentsFile& other);

// Little-endian; replaced as a whole, so that an interrupted run leaves the file of before. Sums below the diagonal
// only, with a checksum.
Status write_moments(const MomentsFile& file, const std::string& path);
// Errors say what is wrong with the file; sizes are checked before memory is taken.
Result<MomentsFile> read_moments(const std::string& path);

// Node ids of `graph` for the file's layers; an error where the network is another one.
Result<LayerStatistics> layers_of(MomentsFile file, const Graph& graph);

}  // namespace nibble::statistics
