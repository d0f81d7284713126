#include "tools/run_results.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "core/try.h"
#include "media/metrics.h"
#include "runtime/tensor_io.h"
#include "tools/picture_drawing.h"
#include "tools/tensor_values.h"
#include "tools/tool_program.h"

namespace nibble::tools {

Result<std::vector<Output>> read_outputs(const Session& session) {
  std::vector<Output> out;
  for (const TensorInfo& info : session.outputs()) {
    NBL_TRY(std::vector<std::byte> bytes, read_bytes(session, info));
    std::vector<float> values = to_real(info, bytes);
    out.push_back({info, std::move(bytes), std::move(values)});
  }
  return out;
}

OutputPart part_of(const Output& output, size_t place, size_t places) {
  const std::vector<int64_t>& shape = output.info.shape;
  if (shape.empty() || places <= 1 || shape[0] != static_cast<int64_t>(places)) return {shape, output.values};
  std::vector<int64_t> one = shape;
  one[0] = 1;
  const size_t size = output.values.size() / places;
  return {std::move(one), std::span(output.values).subspan(place * size, size)};
}

Result<const Output*> find_output(const std::vector<Output>& outputs, const std::string& name) {
  std::vector<TensorInfo> infos;
  for (const Output& output : outputs) infos.push_back(output.info);
  NBL_TRY(const size_t index, find_tensor(infos, name, "output"));
  return &outputs[index];
}

size_t class_count(const Output& output, size_t places) {
  const std::vector<int64_t>& shape = output.info.shape;
  size_t classes = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool batch = i == 0 && shape.size() > 1 && shape[0] == static_cast<int64_t>(places);
    if (batch || shape[i] == 1) continue;
    if (classes != 1) return 0;
    classes = static_cast<size_t>(shape[i]);
  }
  return classes > 1 ? classes : 0;
}

std::string classes_text(const OutputPart& scores, const Meaning& meaning, size_t count, bool& softmax) {
  softmax = !media::is_distribution(scores.values);
  std::vector<float> values(scores.values.begin(), scores.values.end());
  if (softmax) values = media::softmax(values);
  std::string out;
  size_t rank = 1;
  for (size_t index : media::top_k(scores.values, count)) {
    out += format("%4zu  %.4f  %s\n", rank++, static_cast<double>(values[index]),
                  class_name(meaning, index, values.size()).c_str());
  }
  return out;
}

Result<std::vector<media::Box>> find_boxes(const std::vector<Output>& outputs, const TensorInfo& input, size_t place,
                                           size_t places, const Meaning& meaning, const media::Image* picture) {
  if (input.shape.size() < 3) {
    return Error{Code::invalid_argument, "a detector's input has rows and columns, this is " + describe(input)};
  }
  std::vector<OutputPart> parts;
  std::vector<media::OutputView> views;
  for (const Output& output : outputs) parts.push_back(part_of(output, place, places));
  for (const OutputPart& part : parts) views.push_back({part.shape, part.values});
  const auto rank = input.shape.size();
  const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
  const bool nhwc = meaning.preprocessing.layout
                        ? *meaning.preprocessing.layout == media::Layout::nhwc
                        : !is_channels(input.shape[rank - 3]) && is_channels(input.shape.back());
  const size_t rows = nhwc ? rank - 3 : rank - 2;
  const media::Size size{static_cast<int>(input.shape[rows]), static_cast<int>(input.shape[rows + 1])};
  NBL_TRY(std::vector<media::Box> boxes, media::detect(*meaning.detection, views, size));
  media::Size bounds = size;
  if (picture) {
    NBL_TRY(const media::PixelMap map, media::pixel_map(meaning.preprocessing, *picture, input.shape));
    boxes = media::in_source_pixels(std::move(boxes), map);
    bounds = {picture->height, picture->width};
  }
  const auto width = static_cast<float>(bounds.width), height = static_cast<float>(bounds.height);
  for (media::Box& box : boxes) {
    box.x1 = std::clamp(box.x1, 0.0f, width), box.x2 = std::clamp(box.x2, 0.0f, width);
    box.y1 = std::clamp(box.y1, 0.0f, height), box.y2 = std::clamp(box.y2, 0.0f, height);
  }
  return boxes;
}

std::string boxes_text(const std::vector<media::Box>& boxes, const Meaning& meaning) {
  if (boxes.empty()) return "  nothing found\n";
  std::string out;
  for (const media::Box& box : boxes) {
    const auto label = static_cast<size_t>(box.label);
    const std::string name = label < meaning.classes.size() ? meaning.classes[label] : format("class %zu", label);
    out += format("  %.4f  %-20s x %.1f to %.1f, y %.1f to %.1f\n", static_cast<double>(box.score), name.c_str(),
                  static_cast<double>(box.x1), static_cast<double>(box.x2), static_cast<double>(box.y1),
                  static_cast<double>(box.y2));
  }
  return out;
}

std::string summary_text(const Output& output) {
  double least = std::numeric_limits<double>::infinity(), most = -least, sum = 0.0;
  size_t finite = 0;
  for (float value : output.values) {
    if (!std::isfinite(value)) continue;
    const auto number = static_cast<double>(value);
    least = std::min(least, number);
    most = std::max(most, number);
    sum += number;
    ++finite;
  }
  std::string out = "output " + printable(describe(output.info)) + ": ";
  if (finite > 0) out += format("%g to %g, mean %g", least, most, sum / static_cast<double>(finite));
  const size_t others = output.values.size() - finite;
  if (others > 0) out += format("%s%zu values are not finite", finite > 0 ? ", " : "", others);
  return out + "\n";
}

Result<media::Image> output_picture(const Output& output, const Meaning& meaning, const media::Image* picture,
                                    const TensorInfo& input) {
  if (class_count(output, 1) > 0 || output.info.elements() < 2) {
    return Error{Code::invalid_argument, "output " + describe(output.info) + " is no picture but a row of numbers"};
  }
  media::Preprocessing preprocessing = meaning.preprocessing;
  if (output.info.type == DType::u8 && !output.info.quantized) {
    // Such an output holds pixels already.
    preprocessing.output_scale = 1.0;
    preprocessing.output_offset = 0.0;
  }
  auto image = media::to_image(preprocessing, output.values, output.info.shape, picture, input.shape);
  if (image) return image;
  if (auto mask = class_picture(output.values, output.info.shape, preprocessing.layout)) return mask;
  return std::move(image).error().with_context("output " + describe(output.info));
}

}  // namespace nibble::tools
