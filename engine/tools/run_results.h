// The outputs of a run, and what people want to see of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/boxes.h"
#include "nibble/session.h"
#include "tools/run_inputs.h"
#include "tools/run_metadata.h"

namespace nibble::tools {

struct Output {
  TensorInfo info;
  std::vector<std::byte> bytes;  // row-major, of type info.type
  std::vector<float> values;     // the same as real numbers
};
Result<std::vector<Output>> read_outputs(const Session& session);

// The part of an output that belongs to one place of the batch, with the shape of a batch of one. The whole output
// where its first size is not that of the batch.
struct OutputPart {
  std::vector<int64_t> shape;
  std::span<const float> values;
};
OutputPart part_of(const Output& output, size_t place, size_t places);

// The output of that name; the error lists what there is.
Result<const Output*> find_output(const std::vector<Output>& outputs, const std::string& name);

// The number of classes where the output holds one score a class: every size but the batch and one is 1. 0 otherwise.
size_t class_count(const Output& output, size_t places);

// "  1  0.8731  golden retriever", a line a class, by falling probability. Softmax is applied where the values are no
// probabilities already; `softmax` tells.
std::string classes_text(const OutputPart& scores, const Meaning& meaning, size_t count, bool& softmax);

// The boxes of one place of the batch, in pixels of the picture, or of the network's input where there is no picture.
Result<std::vector<media::Box>> find_boxes(const std::vector<Output>& outputs, const TensorInfo& input, size_t place,
                                           size_t places, const Meaning& meaning, const media::Image* picture);
std::string boxes_text(const std::vector<media::Box>& boxes, const Meaning& meaning);

// "output 'y' f32 [1, 10]: -3.2 to 8.1, mean 0.4". Says how many values are not finite.
std::string summary_text(const Output& output);

// The picture that an output shows: its own pixels with 1 or 3 channels, a colour a class with more.
Result<media::Image> output_picture(const Output& output, const Meaning& meaning, const media::Image* picture,
                                    const TensorInfo& input);

}  // namespace nibble::tools
