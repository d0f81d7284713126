#include "picture_net/picture_net.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "core/text.h"
#include "core/try.h"
#include "media/metrics.h"
#include "tools/picture_drawing.h"
#include "tools/tensor_values.h"

namespace nibble::samples {
namespace {

bool is_free(const Model& model, const std::string& dim) {
  return std::binary_search(model.free_dims().begin(), model.free_dims().end(), dim);
}

// Rows, columns and channels of [N, C, H, W], [N, H, W, C] or the same without N; false for other shapes.
struct Plane {
  int64_t height = 0, width = 0, channels = 0;
  size_t row_axis = 0, channel_axis = 0;
};
bool find_plane(std::span<const int64_t> shape, const tools::Meaning& meaning, Plane& plane) {
  const size_t rank = shape.size();
  if (rank != 3 && rank != 4) return false;
  const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
  const bool nhwc = meaning.preprocessing.layout ? *meaning.preprocessing.layout == media::Layout::nhwc
                                                 : !is_channels(shape[rank - 3]) && is_channels(shape[rank - 1]);
  plane.channel_axis = nhwc ? rank - 1 : rank - 3;
  plane.row_axis = nhwc ? rank - 3 : rank - 2;
  plane = {shape[plane.row_axis], shape[plane.row_axis + 1], shape[plane.channel_axis], plane.row_axis,
           plane.channel_axis};
  return true;
}

}  // namespace

const char* to_string(Task task) {
  switch (task) {
    case Task::classes: return "classification";
    case Task::boxes: return "detection";
    case Task::mask: return "segmentation";
    case Task::picture: return "image to image";
    case Task::numbers: return "numbers";
  }
  return "";
}

Task derive_task(const tools::Meaning& meaning, const std::vector<TensorInfo>& inputs,
                 const std::vector<TensorInfo>& outputs) {
  if (meaning.detection) return Task::boxes;
  for (const TensorInfo& output : outputs) {
    if (tools::class_count({.info = output}, 1) > 0) return Task::classes;
  }
  Plane in, out;
  if (inputs.empty() || outputs.empty() || !find_plane(outputs[0].shape, meaning, out)) return Task::numbers;
  const bool luma = meaning.preprocessing.color == media::Color::ycbcr_y;
  const bool gray_in = find_plane(inputs[0].shape, meaning, in) && in.channels == 1;
  if (out.channels == 3 && meaning.classes.size() != 3) return Task::picture;
  if (out.channels == 1 && (luma || gray_in)) return Task::picture;
  return Task::mask;
}

PictureNet::PictureNet(Model model, tools::Meaning meaning, Session session)
    : model_(std::move(model)), meaning_(std::move(meaning)), session_(std::move(session)) {
  task_ = derive_task(meaning_, session_.inputs(), session_.outputs());
}

Result<PictureNet> PictureNet::open(const Device& device, const std::string& path, const SessionOptions& options) {
  NBL_TRY(const Model model, Model::load(path));
  return open(device, model, options);
}

Result<PictureNet> PictureNet::open(const Device& device, const Model& model, const SessionOptions& options) {
  if (model.inputs().size() != 1) {
    return Error{Code::invalid_argument,
                 format("a network for pictures has one input, this one has %zu", model.inputs().size())};
  }
  const TensorInfo& input = model.inputs()[0];
  Plane plane;
  NBL_TRY(tools::Meaning meaning, tools::read_meaning(model, ""));
  if (!find_plane(input.shape, meaning, plane) || (plane.channels != 1 && plane.channels != 3)) {
    std::string dims;
    for (const std::string& dim : input.dims) dims += (dims.empty() ? "" : ", ") + dim;
    return Error{Code::invalid_argument, format("input '%s' [%s] takes no picture: rows, columns and 1 or 3 channels "
                                                "were expected",
                                                input.name.c_str(), dims.c_str())};
  }
  NBL_TRY(Session session, Session::create(device, model, options));
  return PictureNet(model, std::move(meaning), std::move(session));
}

Status PictureNet::bind(const media::Image& picture) {
  const TensorInfo& input = model_.inputs()[0];
  std::vector<int64_t> shape = input.shape;
  bool free = false;
  Plane plane;
  find_plane(input.shape, meaning_, plane);
  for (size_t axis : {plane.row_axis, plane.row_axis + 1}) {
    if (!is_free(model_, input.dims[axis])) continue;
    shape[axis] = 0;
    free = true;
  }
  if (!free) return {};
  NBL_TRY(const media::Image prepared, media::prepare(meaning_.preprocessing, picture, shape));
  const std::array<int64_t, 2> sizes{prepared.height, prepared.width};
  const TensorInfo& bound = session_.inputs()[0];
  if (bound.shape[plane.row_axis] == sizes[0] && bound.shape[plane.row_axis + 1] == sizes[1]) return {};
  std::map<std::string, int64_t> dims;
  for (size_t i = 0; i < 2; ++i) {
    if (shape[plane.row_axis + i] == 0) dims[input.dims[plane.row_axis + i]] = sizes[i];
  }
  return session_.bind_dims(dims);
}

Status PictureNet::run(const media::Image& picture) {
  outputs_.clear();
  NBL_CHECK(bind(picture));
  const TensorInfo& input = session_.inputs()[0];
  if (input.type == DType::u8) {
    NBL_TRY(const std::vector<uint8_t> pixels, media::apply_u8(meaning_.preprocessing, picture, input.shape));
    NBL_CHECK(session_.write(input.name, pixels));
  } else {
    NBL_TRY(const std::vector<float> values, media::apply(meaning_.preprocessing, picture, input.shape));
    NBL_TRY(const std::vector<std::byte> bytes, tools::from_real(input, values));
    NBL_CHECK(tools::write_bytes(session_, input, bytes));
  }
  const auto begin = std::chrono::steady_clock::now();
  NBL_CHECK(session_.run());
  run_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  NBL_TRY(outputs_, tools::read_outputs(session_));
  input_ = picture;
  return {};
}

Result<std::vector<ClassScore>> PictureNet::classes(size_t count) const {
  for (const tools::Output& output : outputs_) {
    const size_t classes = tools::class_count(output, 1);
    if (classes == 0) continue;
    const std::vector<float> scores =
        media::is_distribution(output.values) ? output.values : media::softmax(output.values);
    std::vector<ClassScore> out;
    for (size_t i : media::top_k(output.values, count)) {
      out.push_back({tools::class_name(meaning_, i, classes), scores[i]});
    }
    return out;
  }
  return Error{Code::invalid_argument, "no output of the network holds one score a class"};
}

Result<std::vector<media::Box>> PictureNet::boxes() const {
  if (!meaning_.detection) {
    return Error{Code::invalid_argument,
                 "the file names no decoder of boxes; nibble-convert's --detection puts one into it"};
  }
  if (outputs_.empty()) return Error{Code::invalid_argument, "the network has not run yet"};
  return tools::find_boxes(outputs_, session_.inputs()[0], 0, 1, meaning_, &input_);
}

Result<Mask> PictureNet::mask() const {
  Plane plane;
  if (outputs_.empty() || !find_plane(outputs_[0].info.shape, meaning_, plane)) {
    return Error{Code::invalid_argument, "the first output has no rows and columns to make a mask of"};
  }
  const media::Layout layout = plane.channel_axis > plane.row_axis ? media::Layout::nhwc : media::Layout::nchw;
  NBL_TRY(const std::vector<int> labels, media::class_mask(outputs_[0].values, outputs_[0].info.shape, layout, 0.5f));
  NBL_TRY(const media::PixelMap map, media::pixel_map(meaning_.preprocessing, input_, session_.inputs()[0].shape));
  Plane in;
  find_plane(session_.inputs()[0].shape, meaning_, in);
  const double to_y = static_cast<double>(plane.height) / static_cast<double>(in.height);
  const double to_x = static_cast<double>(plane.width) / static_cast<double>(in.width);
  Mask out{input_.width, input_.height, {}};
  out.labels.resize(static_cast<size_t>(out.width) * static_cast<size_t>(out.height), 0);
  for (int y = 0; y < out.height; ++y) {
    const auto row = static_cast<int64_t>(std::floor(((y + 0.5) * map.scale_y + map.offset_y) * to_y));
    for (int x = 0; x < out.width; ++x) {
      const auto column = static_cast<int64_t>(std::floor(((x + 0.5) * map.scale_x + map.offset_x) * to_x));
      if (row < 0 || column < 0 || row >= plane.height || column >= plane.width) continue;
      out.labels[static_cast<size_t>(y) * static_cast<size_t>(out.width) + static_cast<size_t>(x)] =
          labels[static_cast<size_t>(row * plane.width + column)];
    }
  }
  return out;
}

Result<media::Image> PictureNet::picture() const {
  if (outputs_.empty()) return Error{Code::invalid_argument, "the network has not run yet"};
  return tools::output_picture(outputs_[0], meaning_, &input_, session_.inputs()[0]);
}

std::string PictureNet::label_name(int label) const {
  const auto index = static_cast<size_t>(label);
  return index < meaning_.classes.size() ? meaning_.classes[index] : format("class %d", label);
}

media::Image overlay(const media::Image& picture, const Mask& mask, float strength) {
  media::Image out = picture;
  if (out.channels == 1) {  // gray: three channels to draw colours into
    out.channels = 3;
    out.pixels.resize(3 * picture.pixels.size());
    for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = picture.pixels[i / 3];
  }
  for (size_t i = 0; i < mask.labels.size() && 3 * i + 2 < out.pixels.size(); ++i) {
    if (mask.labels[i] == 0) continue;
    const auto color = tools::class_color(mask.labels[i]);
    for (size_t c = 0; c < 3; ++c) {
      uint8_t& value = out.pixels[3 * i + c];
      const auto mixed = static_cast<float>(value) * (1.0f - strength) + static_cast<float>(color[c]) * strength;
      value = static_cast<uint8_t>(std::clamp(mixed + 0.5f, 0.0f, 255.0f));
    }
  }
  return out;
}

}  // namespace nibble::samples
