// Sizes of free dimensions, and the values of a batch.
#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "runtime/tensor_io.h"
#include "tools/run_inputs.h"
#include "tools/tensor_values.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

using Dims = std::map<std::string, int64_t>;

bool is_free(const Model& model, const std::string& dim) {
  const std::vector<std::string>& names = model.free_dims();
  return std::find(names.begin(), names.end(), dim) != names.end();
}

// Binds the free dimensions of a shape to sizes found in a file. Sizes that are expressions ("2*N") are left to the
// check against the bound shape.
Status bind_shape(const Model& model, const TensorInfo& info, std::span<const int64_t> shape, const std::string& path,
                  Dims& dims) {
  if (shape.size() != info.dims.size()) {
    std::string wanted;
    for (const std::string& dim : info.dims) wanted += (wanted.empty() ? "" : ", ") + dim;
    return Error{Code::invalid_argument, format("%s has shape %s, input '%s' %s takes [%s]", path.c_str(),
                                                shape_text({shape.begin(), shape.end()}).c_str(), info.name.c_str(),
                                                to_string(info.type), wanted.c_str())};
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!is_free(model, info.dims[i])) continue;
    const auto [entry, added] = dims.emplace(info.dims[i], shape[i]);
    if (added || entry->second == shape[i]) continue;
    return Error{Code::invalid_argument,
                 format("%s makes %s = %lld, elsewhere it is %lld", path.c_str(), info.dims[i].c_str(),
                        static_cast<long long>(shape[i]), static_cast<long long>(entry->second))};
  }
  return {};
}

// The shape as far as it is known: 0 where only the picture will tell. Expressions count as known once a name is bound,
// which the check against the session's shape makes good.
std::vector<int64_t> known_shape(const Model& model, const TensorInfo& info, const Dims& dims) {
  std::vector<int64_t> shape = info.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!is_free(model, info.dims[i])) continue;
    const auto bound = dims.find(info.dims[i]);
    shape[i] = bound == dims.end() ? 0 : bound->second;
  }
  return shape;
}

bool has_batch_axis(const TensorInfo& info) { return info.shape.size() == 2 || info.shape.size() == 4; }

// Binds what the first picture decides: sizes other than the batch.
Result<bool> bind_picture(const Model& model, const TensorInfo& info, const PictureFile& file,
                          const media::Preprocessing& preprocessing, Dims& dims) {
  const std::vector<int64_t> shape = known_shape(model, info, dims);
  const size_t begin = has_batch_axis(info) ? 1 : 0;
  if (std::find(shape.begin() + static_cast<std::ptrdiff_t>(begin), shape.end(), 0) == shape.end()) return false;
  NBL_TRY(const media::Image picture, file.read());
  auto prepared = media::prepare(preprocessing, picture, shape);
  if (!prepared) return std::move(prepared).error().with_context(file.name);
  const media::Image& image = *prepared;
  std::vector<int64_t> found = shape;
  if (shape.size() < 3) {
    found.back() = static_cast<int64_t>(image.pixels.size());
  } else {
    // As media/preprocess.h decides it: by where the shape has 1 or 3 channels, nchw first.
    const auto is_channels = [](int64_t size) { return size == 1 || size == 3; };
    const bool nhwc = preprocessing.layout ? *preprocessing.layout == media::Layout::nhwc
                                           : !is_channels(shape[begin]) && is_channels(shape.back());
    const std::vector<int64_t> sizes = nhwc ? std::vector<int64_t>{image.height, image.width, image.channels}
                                            : std::vector<int64_t>{image.channels, image.height, image.width};
    std::copy(sizes.begin(), sizes.end(), found.end() - 3);
  }
  for (size_t i = begin; i < found.size(); ++i) {
    if (shape[i] == 0) dims[info.dims[i]] = found[i];
  }
  return true;
}

Result<std::vector<std::byte>> picture_elements(const TensorInfo& info, const media::Image& picture,
                                                const media::Preprocessing& preprocessing) {
  if (info.type == DType::u8) {
    NBL_TRY(const std::vector<uint8_t> pixels, media::apply_u8(preprocessing, picture, info.shape));
    const auto bytes = std::as_bytes(std::span(pixels));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }
  NBL_TRY(const std::vector<float> values, media::apply(preprocessing, picture, info.shape));
  return from_real(info, values);
}

Status write_array(Session& session, const TensorInfo& info, const Feed& feed) {
  const media::NpyArray& array = *feed.array;
  if (array.shape != info.shape) {
    return Error{Code::invalid_argument, format("%s has shape %s, input %s was expected", feed.path.c_str(),
                                                shape_text(array.shape).c_str(), describe(info).c_str())};
  }
  auto bytes = elements_of(info, array);
  if (!bytes) return std::move(bytes).error().with_context(feed.path);
  return write_bytes(session, info, *bytes);
}

Status write_pictures(Session& session, const TensorInfo& info, const Feed& feed, const Batch& batch,
                      const media::Preprocessing& preprocessing, std::vector<Sample>& samples) {
  std::vector<std::byte> values;
  for (size_t i = batch.first; i < batch.first + batch.count; ++i) {
    const PictureFile& file = feed.pictures[i];
    NBL_TRY(media::Image picture, file.read());
    auto bytes = picture_elements(info, picture, preprocessing);
    if (!bytes) return std::move(bytes).error().with_context(file.name);
    if (bytes->size() * batch.places != info.bytes()) {
      return Error{Code::invalid_argument, format("%s gives %zu bytes, a place of input %s has %zu", file.name.c_str(),
                                                  bytes->size(), describe(info).c_str(), info.bytes() / batch.places)};
    }
    values.insert(values.end(), bytes->begin(), bytes->end());
    samples.push_back({file.name, std::move(picture)});
  }
  values.resize(info.bytes());
  return write_bytes(session, info, values);
}

}  // namespace

Result<Batch> next_batch(const Model& model, const Feeds& feeds, size_t first, const Dims& given,
                         const media::Preprocessing& preprocessing) {
  Batch batch{.first = first, .count = 0, .places = 1, .dims = given};
  for (const Feed& feed : feeds.feeds) {
    if (feed.array) NBL_CHECK(bind_shape(model, model.inputs()[feed.input], feed.array->shape, feed.path, batch.dims));
  }
  if (feeds.pictures == 0) {
    const media::NpyArray* array = feeds.feeds.empty() ? nullptr : &*feeds.feeds[0].array;
    if (array && (array->shape.size() == 2 || array->shape.size() == 4))
      batch.places = static_cast<size_t>(array->shape[0]);
    return batch;
  }
  const size_t left = feeds.pictures - first;
  batch.count = 1;
  bool decided = false;
  for (const Feed& feed : feeds.feeds) {
    if (feed.array) continue;
    const TensorInfo& info = model.inputs()[feed.input];
    NBL_TRY(const bool own_size, bind_picture(model, info, feed.pictures[first], preprocessing, batch.dims));
    if (!has_batch_axis(info) || decided) continue;
    decided = true;
    const std::vector<int64_t> shape = known_shape(model, info, batch.dims);
    if (shape[0] == 0) {
      // Pictures that decide the size may differ in it.
      batch.places = batch.count = own_size ? 1 : std::min(left, kLargestOwnBatch);
      batch.dims[info.dims[0]] = static_cast<int64_t>(batch.places);
    } else {
      batch.places = static_cast<size_t>(shape[0]);
      batch.count = std::min(left, batch.places);
    }
  }
  return batch;
}

Result<std::vector<Sample>> write_inputs(Session& session, const Feeds& feeds, const Batch& batch,
                                         const media::Preprocessing& preprocessing) {
  std::vector<Sample> samples;
  for (const Feed& feed : feeds.feeds) {
    const TensorInfo& info = session.inputs()[feed.input];
    if (feed.array) {
      NBL_CHECK(write_array(session, info, feed));
      continue;
    }
    std::vector<Sample> own;
    NBL_CHECK(write_pictures(session, info, feed, batch, preprocessing, own));
    if (samples.empty()) samples = std::move(own);
  }
  return samples;
}

}  // namespace nibble::tools
