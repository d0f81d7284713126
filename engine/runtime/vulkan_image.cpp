#include "nibble/vulkan_image.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/text.h"
#include "core/try.h"
#include "core/without_exceptions.h"
#include "runtime/image_input.h"
#include "runtime/image_output.h"
#include "runtime/session_state.h"
#include "runtime/tensor_io.h"

namespace nibble {
namespace {

template <class Port, class Options>
Result<ImageUse> bind(Session& session, std::string_view name, bool is_output, const ExternalImage& image,
                      const Options& options) {
  SessionState& state = session.state();
  return without_exceptions([&]() -> Result<ImageUse> {
    NBL_SESSION_CALL(state, "bind_image()");
    BoundSession& bound = *state.bound;
    const auto& infos = is_output ? bound.outputs : bound.inputs;
    NBL_TRY(const size_t index, find_tensor(infos, name, is_output ? "output" : "input"));
    EdgeTensor& edge = (is_output ? bound.output_edges : bound.input_edges)[index];
    const gpu::Device& device = state.device.state()->gpu;
    auto access = image_access(device, image, is_output);
    if (!access)
      return std::move(access).error().with_context((is_output ? "output '" : "input '") + infos[index].name + "'");
    if (edge.buffer < 0) return access->use;  // nothing reads it
    // Only this function and the other overload make ports, and an input's is never an output's.
    if (auto* port = static_cast<Port*>(edge.image.get()); port && port->replace(image, *access, options)) {
      state.recorded = false;
      return access->use;
    }
    const uint64_t bytes = bound.plan.buffers[static_cast<size_t>(edge.buffer)].bytes;
    NBL_TRY(auto port, Port::create(device, infos[index], bytes, image, *access, options));
    edge.image = std::move(port);
    bound.refresh(edge);
    state.recorded = false;
    state.slices.reset();
    state.external.reset_descriptors();
    return access->use;
  });
}

}  // namespace

ImagePlacement letterboxed(VkExtent2D image, uint32_t input_width, uint32_t input_height, bool centered) {
  ImagePlacement place;
  const double w = image.width, h = image.height;
  if (image.width == 0 || image.height == 0) return place;
  const bool width_decides = w * input_height >= h * input_width;
  place.width = width_decides ? input_width : static_cast<uint32_t>(std::floor(w * input_height / h + 0.5));
  place.height = width_decides ? static_cast<uint32_t>(std::floor(h * input_width / w + 0.5)) : input_height;
  place.width = std::clamp(place.width, 1u, std::max(input_width, 1u));
  place.height = std::clamp(place.height, 1u, std::max(input_height, 1u));
  if (centered) {
    place.x = static_cast<int32_t>((input_width - place.width) / 2);
    place.y = static_cast<int32_t>((input_height - place.height) / 2);
  }
  return place;
}

ImagePlacement center_cropped(VkExtent2D image, uint32_t input_width, uint32_t input_height) {
  ImagePlacement place;
  if (input_width == 0 || input_height == 0 || image.width == 0 || image.height == 0) return place;
  const uint64_t across = uint64_t{image.width} * input_height, down = uint64_t{image.height} * input_width;
  place.source_width = across > down ? static_cast<uint32_t>(down / input_height) : image.width;
  place.source_height = across > down ? image.height : static_cast<uint32_t>(across / input_width);
  place.source_width = std::max(place.source_width, 1u);
  place.source_height = std::max(place.source_height, 1u);
  place.source_x = static_cast<int32_t>((image.width - place.source_width) / 2);
  place.source_y = static_cast<int32_t>((image.height - place.source_height) / 2);
  return place;
}

Result<ImageUse> bind_image(Session& session, std::string_view input, const ExternalImage& image,
                            const ImagePreprocessing& preprocessing) {
  return bind<ImageInput>(session, input, false, image, preprocessing);
}

Result<ImageUse> bind_image(Session& session, std::string_view output, const ExternalImage& image,
                            const ImagePostprocessing& postprocessing) {
  return bind<ImageOutput>(session, output, true, image, postprocessing);
}

Status unbind_image(Session& session, std::string_view name) {
  SessionState& state = session.state();
  NBL_SESSION_CALL(state, "unbind_image()");
  BoundSession& bound = *state.bound;
  if (!name.empty()) NBL_CHECK(find_edge(bound, name));
  bool any = false;
  const auto unbind = [&](const std::vector<TensorInfo>& infos, std::vector<EdgeTensor>& edges) {
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!edges[i].image || (!name.empty() && infos[i].name != name)) continue;
      edges[i].image.reset();
      bound.refresh(edges[i]);
      any = true;
    }
  };
  unbind(bound.inputs, bound.input_edges);
  unbind(bound.outputs, bound.output_edges);  // an output may be called like an input
  if (!any) return {};
  state.recorded = false;
  state.slices.reset();
  state.external.reset_descriptors();
  return {};
}

}  // namespace nibble
