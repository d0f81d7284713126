// The sources of --calibrate and --data: which samples there are, and one of them at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/npy.h"
#include "nibble/result.h"

namespace nibble::media {

struct SampleOptions {
  size_t skip = 0;
  size_t count = std::numeric_limits<size_t>::max();  // --samples
  // The network's inputs. A folder that holds NAME.npy (safe_file_name) for every one of them is one sample. When
  // empty, every sub-folder with .npy files is one sample.
  std::vector<std::string> input_names;
};

struct NamedArray {
  std::string
      name;  // the file name without .npy: safe_file_name of the input; empty where the file is the whole sample
  NpyArray array;
};

// What a path can be:
//   a folder of pictures       searched into sub-folders; names that begin with a dot are passed over. Two or more
//                              sub-folders, and no picture beside them, are classes: their alphabetical index is the
//                              label
//   a folder of .npy files     one sample each, or one folder per sample (see input_names); labels as above do not
//   apply a folder with MNIST idx    *images-idx3-ubyte, labels beside it in *labels-idx1-ubyte an images-idx3-ubyte
//   file  the same a list or label file       path<TAB>index or path alone, a line each; further columns and lines that
//   begin with '#' are
//                              ignored; paths are relative to the file; pictures or .npy
//   one picture or .npy file   one sample
// Samples are sorted by path (folder by folder, byte by byte; idx keeps its order), then `skip` are left out and at
// most `count` kept. Only names are held in memory; nothing is decoded until asked.
class SampleSet {
 public:
  enum class Kind { image, arrays };

  size_t size() const { return samples_.size(); }
  Kind kind(size_t i) const { return samples_[i].kind; }
  const std::string& name(size_t i) const { return samples_[i].name; }  // as found: relative to the folder or list file
  std::optional<int> label(size_t i) const { return samples_[i].label; }
  bool has_labels() const;  // whether any sample has one

  // The samples with these indices, in that order.
  SampleSet subset(const std::vector<size_t>& indices) const;

  Result<Image> image(size_t i) const;                     // gray (one channel) from idx, else RGB
  Result<std::vector<NamedArray>> arrays(size_t i) const;  // sorted by name

  // Sets labels from a label file (path<TAB>index): by path, or by file name where that is unique in the label file.
  // Samples that it doesn't name lose their label. An error where it names none of them.
  Status set_labels(const std::string& label_file);

 private:
  friend Result<SampleSet> open_samples(const std::string& path, const SampleOptions& options);

  struct Sample {
    Kind kind = Kind::image;
    std::string name;
    std::string path;                 // idx: the file of all images
    std::vector<std::string> arrays;  // file names within `path` when it is a folder, else empty
    std::optional<int> label;
    std::optional<uint64_t> index;  // idx: which image
  };
  struct Finder;
  std::vector<Sample> samples_;
};

// An error where nothing is found says what was looked for.
Result<SampleSet> open_samples(const std::string& path, const SampleOptions& options);

}  // namespace nibble::media
