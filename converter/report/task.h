// What a network is for, as far as comparing two of them needs it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "media/preprocess.h"
#include "nibble/result.h"

namespace nibble::report {

enum class Task {
  classify,  // a score per class
  detect,    // boxes behind a decoder
  segment,   // a score map per class, or one of the foreground
  image,     // a picture
  values,    // anything else: agreement and errors only
};

const char* to_string(Task task);
Result<Task> parse_task(const std::string& text);

// By the shapes of the first input and output: [N, C] and [N, C, 1, 1] are classes; three channels, or as many as the
// input has, are a picture; other maps of rank 4 are a segmentation. A known decoder means boxes.
Task guess_task(bool has_detection, std::span<const int64_t> input, std::span<const int64_t> output,
                const media::Preprocessing& preprocessing);

// Where an output map has its channels: as the preprocessing says, else by the output's shape, else like the input.
media::Layout output_layout(const media::Preprocessing& preprocessing, std::span<const int64_t> input,
                            std::span<const int64_t> output);

}  // namespace nibble::report
