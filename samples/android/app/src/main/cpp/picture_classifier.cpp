#include "picture_classifier.h"

#include <algorithm>

using nibble::Code;
using nibble::Error;
using nibble::Result;

Result<PictureClassifier> PictureClassifier::create(std::span<const std::byte> network, const std::string& cache_file) {
  nibble::DeviceOptions options;
  options.pipeline_cache = cache_file;
  auto device = nibble::Device::create(options);
  if (!device) return device.error();
  auto model = nibble::Model::load(network);
  if (!model) return model.error();
  auto session = nibble::Session::create(*device, *model);
  if (!session) return session.error();
  const nibble::TensorInfo& input = session->inputs().front();
  const nibble::TensorInfo& output = session->outputs().front();
  const auto& shape = input.shape;
  const bool pixels =
      input.type == nibble::DType::u8 && shape.size() == 4 && shape[0] == 1 && (shape[1] == 1 || shape[1] == 3);
  if (!pixels || output.type != nibble::DType::f32 || output.elements() == 0) {
    return Error{Code::invalid_argument, "input '" + input.name + "' takes no pixels: convert with --input-type uint8"};
  }
  PictureClassifier out(std::move(*session));
  out.input_.resize(input.elements());
  out.scores_.resize(output.elements());
  const auto names = model->metadata().find("classes");
  for (size_t at = 0; names != model->metadata().end() && at < names->second.size();) {
    const size_t end = std::min(names->second.find('\n', at), names->second.size());
    out.classes_.push_back(names->second.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<std::string> PictureClassifier::classify(std::span<const uint8_t> pixels, uint32_t width, uint32_t height,
                                                size_t stride) {
  if (width == 0 || height == 0 || stride / 4 < width || pixels.size() / stride < height) {
    return Error{Code::invalid_argument, "the picture has fewer bytes than its size says"};
  }
  const auto& shape = session_.inputs().front().shape;
  const auto channels = static_cast<size_t>(shape[1]), rows = static_cast<size_t>(shape[2]);
  const auto columns = static_cast<size_t>(shape[3]);
  // The nearest pixel: an app would scale with the system's own filter before.
  for (size_t y = 0; y < rows; ++y) {
    for (size_t x = 0; x < columns; ++x) {
      const uint8_t* pixel =
          &pixels[(2 * y + 1) * height / (2 * rows) * stride + (2 * x + 1) * width / (2 * columns) * 4];
      const unsigned gray = (299u * pixel[0] + 587u * pixel[1] + 114u * pixel[2] + 500u) / 1000u;
      for (size_t c = 0; c < channels; ++c) {
        input_[(c * rows + y) * columns + x] = channels == 1 ? static_cast<uint8_t>(gray) : pixel[c];
      }
    }
  }
  nibble::Status done = session_.write("", std::span<const uint8_t>(input_));
  if (done) done = session_.run();
  if (done) done = session_.read(session_.outputs().front().name, std::span<float>(scores_));
  if (!done) return done.error();
  const auto best = static_cast<size_t>(std::max_element(scores_.begin(), scores_.end()) - scores_.begin());
  return best < classes_.size() ? classes_[best] : "class " + std::to_string(best);
}
