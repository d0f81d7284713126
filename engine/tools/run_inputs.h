// From the files named by --input to the values of a session's inputs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/npy.h"
#include "media/preprocess.h"
#include "media/samples.h"
#include "nibble/session.h"

namespace nibble::tools {

// A picture that is decoded when its turn comes.
struct PictureFile {
  std::string name;                                // as the user wrote it, or as found in the folder
  std::shared_ptr<const media::SampleSet> folder;  // null: `name` is the file
  size_t index = 0;                                // in the folder
  Result<media::Image> read() const;
};

// What feeds one input: an array, or pictures one for each place in the batch.
struct Feed {
  size_t input = 0;  // in Model::inputs()
  std::string path;  // for messages
  std::optional<media::NpyArray> array;
  std::vector<PictureFile> pictures;
};

// Everything --input names, in the order of the model's inputs; `pictures` is how many samples there are (0 where no
// input is a picture).
struct Feeds {
  std::vector<Feed> feeds;
  size_t pictures = 0;
};

// Errors: a name that the model does not have, an input that gets nothing or twice, files that cannot be read. Arrays
// are read at once, pictures are only found.
Result<Feeds> open_feeds(const Model& model, const std::vector<std::string>& arguments);

// The samples of one run.
struct Batch {
  size_t first = 0;
  size_t count = 0;   // pictures in this run
  size_t places = 1;  // that the network has; those behind `count` stay zero
  std::map<std::string, int64_t> dims;
};

// At most this many pictures run at once where the model leaves the batch free and --dim says nothing.
inline constexpr size_t kLargestOwnBatch = 8;

// How many samples, from `first` on, run together, and which sizes the free dimensions get: from --dim, from the shapes
// of arrays, from the picture. Errors where those contradict.
Result<Batch> next_batch(const Model& model, const Feeds& feeds, size_t first,
                         const std::map<std::string, int64_t>& dims, const media::Preprocessing& preprocessing);

struct Sample {
  std::string name;
  media::Image picture;
};

// Writes all inputs of the session. Gives the pictures of the batch back, for drawing; none where there are only
// arrays.
Result<std::vector<Sample>> write_inputs(Session& session, const Feeds& feeds, const Batch& batch,
                                         const media::Preprocessing& preprocessing);

}  // namespace nibble::tools
