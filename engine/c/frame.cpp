// What applications need inside their frames: sessions made ahead, slices, semaphores, images.
#include "c/handles.h"
#include "core/try.h"
#include "nibble/nibble_c_vulkan.h"
#include "nibble/vulkan_image.h"

namespace nibble::c {

Result<std::chrono::nanoseconds> duration_of(uint64_t ns, const char* name) {
  if (ns <= static_cast<uint64_t>(INT64_MAX)) return std::chrono::nanoseconds(static_cast<int64_t>(ns));
  return Error{Code::invalid_argument, std::string(name) + " is beyond 2^63 - 1"};
}

Status write_slice(nbl_slice* out, const RunSlice& slice) {
  if (!out) return {};
  return write_struct(
      out,
      nbl_slice{0, slice.finished ? 1 : 0, slice.first, slice.count, slice.total,
                static_cast<uint64_t>(slice.predicted.count()), static_cast<uint64_t>(slice.took.count())},
      "slice");
}

namespace {

Result<ExternalImage> image_of(const nbl_image* image) {
  NBL_CHECK(need(image, "image"));
  NBL_TRY(const nbl_image given, read_struct(image, "image"));
  ExternalImage out;
  out.image = given.image;
  out.view = given.view;
  out.format = given.format;
  out.extent = {given.width, given.height};
  out.usage = given.usage;
  out.tiling = given.tiling;
  out.layout = given.layout;
  return out;
}

Error unknown(const char* member, int32_t value) {
  return {Code::invalid_argument, std::string(member) + " is " + std::to_string(value) + ", which means nothing"};
}

Result<std::optional<bool>> channels_last(int32_t channels) {
  if (channels == NBL_CHANNELS_AUTO) return std::optional<bool>();
  if (channels != NBL_CHANNELS_FIRST && channels != NBL_CHANNELS_LAST) return unknown("channels", channels);
  return std::optional<bool>(channels == NBL_CHANNELS_LAST);
}

Result<std::optional<ImageColor>> color_of(int32_t color) {
  switch (color) {
    case NBL_COLOR_AUTO: return std::optional<ImageColor>();
    case NBL_COLOR_RGB: return std::optional(ImageColor::rgb);
    case NBL_COLOR_BGR: return std::optional(ImageColor::bgr);
    case NBL_COLOR_GRAY: return std::optional(ImageColor::gray);
    default: return unknown("color", color);
  }
}

Result<ImagePreprocessing> preprocessing_of(const nbl_image_preprocessing* preprocessing) {
  NBL_TRY(const nbl_image_preprocessing given, read_struct(preprocessing, "preprocessing"));
  ImagePreprocessing out;
  out.placement = {given.source_x, given.source_y, given.source_width, given.source_height, given.width, given.height,
                   given.x,        given.y};
  switch (given.filter) {
    case NBL_FILTER_ANTIALIAS: break;
    case NBL_FILTER_BILINEAR: out.filter = ImageFilter::bilinear; break;
    case NBL_FILTER_BICUBIC: out.filter = ImageFilter::bicubic; break;
    default: return unknown("filter", given.filter);
  }
  NBL_TRY(out.color, color_of(given.color));
  NBL_TRY(out.channels_last, channels_last(given.channels));
  for (size_t c = 0; c < 3; ++c) {
    out.mean[c] = given.mean[c];
    out.std[c] = given.std[c] == 0 ? 1 : given.std[c];
    out.fill[c] = given.fill[c];
  }
  out.linear_light = given.linear_light != 0;
  return out;
}

Result<ImagePostprocessing> postprocessing_of(const nbl_image_postprocessing* postprocessing) {
  NBL_TRY(const nbl_image_postprocessing given, read_struct(postprocessing, "postprocessing"));
  ImagePostprocessing out;
  if (given.contents < NBL_IMAGE_PICTURE_CONTENTS || given.contents > NBL_IMAGE_CLASSES_CONTENTS) {
    return unknown("contents", given.contents);
  }
  out.contents = static_cast<ImagePostprocessing::Contents>(given.contents);
  if (given.scale != 0) out.scale = given.scale;
  out.offset = given.offset;
  NBL_TRY(const auto color, color_of(given.color));
  out.color = color.value_or(ImageColor::rgb);
  NBL_TRY(out.channels_last, channels_last(given.channels));
  if (given.transparent != 0) out.alpha = 0;
  if (given.palette_size > 0) NBL_CHECK(need(given.palette, "postprocessing->palette"));
  out.palette = {given.palette, given.palette_size};
  out.x = given.x;
  out.y = given.y;
  out.linear_light = given.linear_light != 0;
  return out;
}

template <class Options>
Status bind(nbl_session* session, const char* name, const nbl_image* image, const Options& options,
            nbl_image_use* use) {
  NBL_CHECK(check_struct(use, "use"));
  NBL_TRY(const ExternalImage external, image_of(image));
  NBL_TRY(const ImageUse made, bind_image(session->session, text_of(name), external, options));
  if (!use) return {};
  return write_struct(use, nbl_image_use{0, static_cast<int32_t>(made.path), made.stage, made.access, made.layout},
                      "use");
}

std::vector<SemaphoreUse> uses_of(const nbl_semaphore_use* uses, size_t count) {
  std::vector<SemaphoreUse> out;
  for (size_t i = 0; i < count; ++i) out.push_back({uses[i].semaphore, uses[i].value});
  return out;
}

}  // namespace
}  // namespace nibble::c

using namespace nibble;
using namespace nibble::c;

nbl_error* nbl_preparation_start(const nbl_device* device, const nbl_model* model, const nbl_session_options* options,
                                 size_t threads, int32_t run_once, nbl_preparation** preparation) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    NBL_CHECK(need(model, "model"));
    NBL_CHECK(need(preparation, "preparation"));
    NBL_TRY(const SessionOptions inner, options_of(options));
    NBL_TRY(Preparation made, Preparation::start(device->device, model->model, inner, threads, run_once != 0));
    *preparation = new nbl_preparation{std::move(made)};
    return {};
  });
}

void nbl_preparation_progress(const nbl_preparation* preparation, size_t* done, size_t* total, int32_t* finished) {
  const PrepareProgress now = preparation ? preparation->preparation.progress() : PrepareProgress{};
  if (done) *done = now.done;
  if (total) *total = now.total;
  if (finished) *finished = now.finished ? 1 : 0;
}

nbl_error* nbl_preparation_take(nbl_preparation* preparation, nbl_session** session) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(preparation, "preparation"));
    NBL_CHECK(need(session, "session"));
    NBL_TRY(Session made, preparation->preparation.take());
    std::vector<std::string> names = made.tensor_names();
    *session = new nbl_session{std::move(made), std::move(names), {}};
    return {};
  });
}

void nbl_preparation_free(nbl_preparation* preparation) { delete preparation; }

nbl_error* nbl_session_run_slice(nbl_session* session, uint64_t budget_ns, nbl_slice* slice) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_CHECK(check_struct(slice, "slice"));
    NBL_TRY(const auto budget, duration_of(budget_ns, "budget_ns"));
    NBL_TRY(const RunSlice made, session->session.run_slice(budget));
    return write_slice(slice, made);
  });
}

nbl_error* nbl_session_restart_slices(nbl_session* session) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return session->session.restart_slices();
  });
}

nbl_error* nbl_session_slice_statistics(const nbl_session* session, nbl_slice_statistics* statistics) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    const SliceStatistics found = session->session.slice_statistics();
    const auto ns = [](std::chrono::nanoseconds time) { return static_cast<uint64_t>(time.count()); };
    return write_struct(
        statistics,
        nbl_slice_statistics{0, 0, found.slices, ns(found.longest), ns(found.worst_overshoot), ns(found.longest_step)},
        "statistics");
  });
}

nbl_error* nbl_session_record_slice(nbl_session* session, VkCommandBuffer commands, uint64_t budget_ns,
                                    uint64_t previous_ns, nbl_slice* slice) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_CHECK(check_struct(slice, "slice"));
    NBL_TRY(const auto budget, duration_of(budget_ns, "budget_ns"));
    NBL_TRY(const auto previous, duration_of(previous_ns, "previous_ns"));
    NBL_TRY(const RunSlice made, record_slice(session->session, commands, budget, previous));
    return write_slice(slice, made);
  });
}

nbl_error* nbl_session_submit_with(nbl_session* session, const nbl_semaphore_use* wait, size_t wait_count,
                                   const nbl_semaphore_use* signal, size_t signal_count) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    if (wait_count > 0) NBL_CHECK(need(wait, "wait"));
    if (signal_count > 0) NBL_CHECK(need(signal, "signal"));
    return submit(session->session, uses_of(wait, wait_count), uses_of(signal, signal_count));
  });
}

nbl_error* nbl_session_bind_input_image(nbl_session* session, const char* name, const nbl_image* image,
                                        const nbl_image_preprocessing* preprocessing, nbl_image_use* use) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_TRY(const ImagePreprocessing options, preprocessing_of(preprocessing));
    return bind(session, name, image, options, use);
  });
}

nbl_error* nbl_session_bind_output_image(nbl_session* session, const char* name, const nbl_image* image,
                                         const nbl_image_postprocessing* postprocessing, nbl_image_use* use) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    NBL_TRY(const ImagePostprocessing options, postprocessing_of(postprocessing));
    return bind(session, name, image, options, use);
  });
}

nbl_error* nbl_session_unbind_image(nbl_session* session, const char* name) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(session, "session"));
    return unbind_image(session->session, text_of(name));
  });
}
