#include "view/view_state.h"

namespace nibble::view {

std::string side_name(const ViewState& state, int side) {
  if (side <= 0 || side > static_cast<int>(state.networks.size())) return "the picture";
  return state.networks[static_cast<size_t>(side) - 1].name;
}

const NetResult* result_of(const ViewState& state, int side) {
  if (side <= 0 || side > static_cast<int>(state.networks.size())) return nullptr;
  const auto& result = state.networks[static_cast<size_t>(side) - 1].result;
  return result ? &*result : nullptr;
}

const Shown* shown_of(const ViewState& state, int side) {
  if (result_of(state, side)) {
    const Shown& shown = state.networks[static_cast<size_t>(side) - 1].shown;
    if (shown.image) return &shown;
  }
  return state.source.image ? &state.source : nullptr;
}

void draw_view(ViewState& state, Actions& actions, bool busy, const std::string& device_name) {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  constexpr float kControls = 310, kLayers = 204;
  constexpr ImGuiWindowFlags kFixed = ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize |
                                      ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoCollapse |
                                      ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoBringToFrontOnFocus;
  const auto window = [&](const char* name, float x, float y, float w, float h, ImGuiWindowFlags flags, auto draw) {
    ImGui::SetNextWindowPos(ImVec2(x, y));
    ImGui::SetNextWindowSize(ImVec2(w, h));
    ImGui::Begin(name, nullptr, kFixed | flags);
    draw();
    ImGui::End();
  };
  window("controls", 0, 0, kControls, size.y, 0, [&] { draw_controls(state, actions, busy, device_name); });
  window("pictures", kControls, 0, size.x - kControls, size.y - kLayers, ImGuiWindowFlags_NoScrollbar,
         [&] { draw_comparison(state, actions); });
  window("layers", kControls, size.y - kLayers, size.x - kControls, kLayers, ImGuiWindowFlags_NoScrollbar,
         [&] { draw_layers(state); });
}

}  // namespace nibble::view
