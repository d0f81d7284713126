#include "converter/data/network_inputs.h"

#include <algorithm>
#include <cmath>

#include "converter/data/variations.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble {
namespace {

constexpr float kMost = 9.2e18f;  // of int64

// Sizes of a free image input that a picture determines; everything else that is free stays 1.
Status bind_picture(const TensorDesc& desc, const media::Image& image, const media::Preprocessing& p,
                    DimBindings& out) {
  if (desc.shape.size() != 4) return {};
  std::vector<int64_t> shape;
  for (const Dim& d : desc.shape) shape.push_back(d.is_const() ? d.value() : 0);
  NBL_TRY(const media::Image size, media::prepare(p, image, shape));
  const bool nhwc = p.layout == media::Layout::nhwc;
  const Dim& h = desc.shape[nhwc ? 1 : 2];
  const Dim& w = desc.shape[nhwc ? 2 : 3];
  const auto bind = [&](const Dim& d, int value) {
    const auto names = d.symbols();
    if (names.size() == 1 && d == Dim::symbol(names[0])) out[names[0]] = value;
  };
  bind(h, size.height);
  bind(w, size.width);
  return {};
}

Status bind_shape(const TensorDesc& desc, const std::vector<int64_t>& shape, DimBindings& out) {
  if (shape.size() != desc.shape.size()) {
    return Error{Code::invalid_argument,
                 format("input '%s' has rank %zu, the sample %zu", desc.name.c_str(), desc.shape.size(), shape.size())};
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto names = desc.shape[i].symbols();
    if (names.size() == 1 && desc.shape[i] == Dim::symbol(names[0])) out[names[0]] = shape[i];
  }
  return {};
}

const media::NamedArray* array_for(const std::vector<media::NamedArray>& arrays, const std::string& input) {
  if (arrays.size() == 1 && arrays[0].name.empty()) return &arrays[0];
  for (const media::NamedArray& a : arrays) {
    if (a.name == media::safe_file_name(input)) return &a;
  }
  return nullptr;
}

// What computes on NaN says nothing, whatever comes of it.
Status check_numbers(const std::vector<float>& values, const std::string& sample, const std::string& input) {
  if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return {};
  return Error{Code::invalid_argument,
               format("sample '%s', input '%s': holds NaN or infinity", sample.c_str(), input.c_str())};
}

Result<reference::FloatValue> value_of(const TensorDesc& desc, const media::NpyArray& array,
                                       const std::string& sample) {
  NBL_TRY(reference::FloatValue value, reference::make_value<float>(desc));
  if (array.shape != value.shape) {
    Shape found(array.shape.begin(), array.shape.end());
    return Error{Code::invalid_argument,
                 format("sample '%s', input '%s': expected shape %s, found %s", sample.c_str(), desc.name.c_str(),
                        to_string(desc.shape).c_str(), to_string(found).c_str())};
  }
  const std::vector<float> floats = media::to_floats(array);
  NBL_CHECK(check_numbers(floats, sample, desc.name));
  if (value.is_real())
    value.real.assign(floats.begin(), floats.end());
  else
    std::transform(floats.begin(), floats.end(), value.stored.begin(),
                   [](float v) { return static_cast<int64_t>(std::clamp(v, -kMost, kMost)); });
  return value;
}

}  // namespace

Result<DimBindings> dims_of_image(const Graph& graph, const media::Image& image,
                                  const media::Preprocessing& preprocessing) {
  DimBindings out;
  for (TensorId id : graph.inputs) NBL_CHECK(bind_picture(graph.desc(id), image, preprocessing, out));
  return out;
}

Result<std::vector<reference::FloatValue>> image_inputs(const Graph& bound, const media::Image& image,
                                                        const std::string& name,
                                                        const media::Preprocessing& preprocessing) {
  if (bound.inputs.size() != 1 || bound.desc(bound.inputs[0]).type != DType::f32) {
    return Error{Code::invalid_argument, "pictures fit a network with one float input only; give .npy samples instead"};
  }
  NBL_TRY(reference::FloatValue value, reference::make_value<float>(bound.desc(bound.inputs[0])));
  auto pixels = media::apply(preprocessing, image, value.shape);
  if (!pixels) return std::move(pixels).error().with_context("sample '" + name + "'");
  NBL_CHECK(check_numbers(*pixels, name, value.desc.name));
  value.real.assign(pixels->begin(), pixels->end());
  std::vector<reference::FloatValue> out;
  out.push_back(std::move(value));
  return out;
}

Result<DimBindings> dims_of_sample(const Graph& graph, const media::SampleSet& samples, size_t i,
                                   const media::Preprocessing& preprocessing) {
  DimBindings out;
  if (free_dims(graph).empty()) return out;
  if (samples.kind(i) == media::SampleSet::Kind::image) {
    NBL_TRY(const media::Image image, samples.image(i));
    return dims_of_image(graph, image, preprocessing);
  }
  NBL_TRY(const std::vector<media::NamedArray> arrays, samples.arrays(i));
  for (TensorId id : graph.inputs) {
    if (const auto* array = array_for(arrays, graph.desc(id).name))
      NBL_CHECK(bind_shape(graph.desc(id), array->array.shape, out));
  }
  return out;
}

Result<std::vector<reference::FloatValue>> sample_inputs(const Graph& bound, const media::SampleSet& samples, size_t i,
                                                         const media::Preprocessing& preprocessing) {
  std::vector<reference::FloatValue> out;
  if (samples.kind(i) == media::SampleSet::Kind::image) {
    NBL_TRY(const media::Image image, samples.image(i));
    return image_inputs(bound, image, samples.name(i), preprocessing);
  }
  NBL_TRY(const std::vector<media::NamedArray> arrays, samples.arrays(i));
  for (TensorId id : bound.inputs) {
    const auto* array = array_for(arrays, bound.desc(id).name);
    if (!array)
      return Error{Code::not_found,
                   "sample '" + samples.name(i) + "' has no file for input '" + bound.desc(id).name + "'"};
    NBL_TRY(reference::FloatValue value, value_of(bound.desc(id), array->array, samples.name(i)));
    out.push_back(std::move(value));
  }
  return out;
}

Result<std::vector<reference::FloatValue>> varied_sample_inputs(const Graph& bound, const media::SampleSet& samples,
                                                                size_t i, const media::Preprocessing& preprocessing) {
  if (i < samples.size()) return sample_inputs(bound, samples, i, preprocessing);
  const size_t source = i % samples.size();
  NBL_TRY(const media::Image image, samples.image(source));
  NBL_TRY(const media::Image variation, vary(image, i));
  return image_inputs(bound, variation, samples.name(source), preprocessing);
}

}  // namespace nibble
