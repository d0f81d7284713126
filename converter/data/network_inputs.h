// One sample of a data set as the values of a network's inputs.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "media/preprocess.h"
#include "media/samples.h"
#include "reference/value.h"

namespace nibble {

// The dimension names to bind so that a sample fits: arrays give their own sizes, a picture those of the preprocessing
// (free heights and widths take the picture's size after resize and crop).
Result<DimBindings> dims_of_sample(const Graph& graph, const media::SampleSet& samples, size_t i,
                                   const media::Preprocessing& preprocessing);

// Values for all inputs of a graph with bound shapes, in the graph's order. Pictures need a single float input.
Result<std::vector<reference::FloatValue>> sample_inputs(const Graph& bound, const media::SampleSet& samples, size_t i,
                                                         const media::Preprocessing& preprocessing);

// The same where the samples go on behind the set's end: with variations (converter/data/variations.h) of its pictures,
// sample i being made of picture i % set.size(). A variation has the sizes of its picture.
Result<std::vector<reference::FloatValue>> varied_sample_inputs(const Graph& bound, const media::SampleSet& samples,
                                                                size_t i, const media::Preprocessing& preprocessing);

// The same for one picture; `name` is for messages.
Result<DimBindings> dims_of_image(const Graph& graph, const media::Image& image,
                                  const media::Preprocessing& preprocessing);
Result<std::vector<reference::FloatValue>> image_inputs(const Graph& bound, const media::Image& image,
                                                        const std::string& name,
                                                        const media::Preprocessing& preprocessing);

}  // namespace nibble
