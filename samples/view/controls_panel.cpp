// The left column: pictures, networks, device, what is compared.
#include <algorithm>
#include <cstring>

#include "app/ui_text.h"
#include "core/text.h"
#include "tools/tool_program.h"
#include "view/view_state.h"

namespace nibble::view {
namespace {

void heading(const char* text) {
  ImGui::Spacing();
  ImGui::TextColored(ImVec4(0.55f, 0.75f, 1.0f, 1.0f), "%s", text);
}

void picture_controls(ViewState& state, Actions& actions) {
  heading("Picture");
  if (state.scene) {
    app::text_fitted("frame of the rendered scene");
  } else if (state.pictures.size() == 0) {
    app::text_fitted("drop a picture or a folder here", true);
  } else {
    app::text_fitted(state.pictures.name(state.picture));
  }
  if (ImGui::Button("<")) actions.step_picture = -1;
  ImGui::SameLine();
  if (ImGui::Button(">")) actions.step_picture = 1;
  ImGui::SameLine();
  ImGui::TextDisabled("%zu of %zu", state.pictures.size() ? state.picture + 1 : 0, state.pictures.size());
  ImGui::SameLine(ImGui::GetContentRegionMax().x - 118);
  if (ImGui::Button("Scene frame", ImVec2(118, 0))) actions.scene_frame = true;
  static char path[1024] = "";
  ImGui::SetNextItemWidth(-62);
  const bool entered = ImGui::InputTextWithHint("##path", "path of picture or .nbl", path, sizeof(path),
                                                ImGuiInputTextFlags_EnterReturnsTrue);
  ImGui::SameLine();
  if ((ImGui::Button("Open", ImVec2(54, 0)) || entered) && path[0]) {
    actions.open = path;
    path[0] = 0;
  }
}

void network_line(ViewState& state, Actions& actions, int side) {
  ImGui::PushID(side);
  ImGui::AlignTextToFramePadding();
  if (ImGui::RadioButton("##left", state.left == side)) state.left = side, actions.compare = true;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("left of the divider");
  ImGui::SameLine();
  if (ImGui::RadioButton("##right", state.right == side)) state.right = side, actions.compare = true;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("right of the divider");
  ImGui::SameLine();
  const float end = ImGui::GetContentRegionMax().x - (side > 0 ? 30 : 0);
  const std::string name = side_name(state, side);
  const NetResult* result = result_of(state, side);
  const bool failed = result && !result->error.empty();
  if (failed) ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(1.0f, 0.5f, 0.45f, 1.0f));
  ImGui::TextUnformatted(app::fitted(name, end - ImGui::GetCursorPosX() - 4).c_str());
  if (failed) ImGui::PopStyleColor();
  if (ImGui::IsItemHovered()) {
    if (failed) {
      ImGui::SetTooltip("%s", result->error.c_str());
    } else if (side > 0) {
      ImGui::SetTooltip("%s", state.networks[static_cast<size_t>(side) - 1].path.c_str());
    }
  }
  if (side > 0) {
    ImGui::SameLine(end);
    if (ImGui::SmallButton("x")) actions.remove = side - 1;
  }
  ImGui::PopID();
}

void device_control(ViewState& state, Actions& actions, const std::string& device_name) {
  heading("Device of the networks");
  const std::string current = state.device >= 0 ? state.devices[static_cast<size_t>(state.device)].name
                                                : (device_name.empty() ? std::string("the best one") : device_name);
  ImGui::SetNextItemWidth(-1);
  if (!ImGui::BeginCombo("##device", app::fitted(current, ImGui::GetContentRegionAvail().x - 40).c_str())) return;
  for (size_t i = 0; i < state.devices.size(); ++i) {
    const DeviceInfo& device = state.devices[i];
    const std::string label = device.problem.empty() ? device.name : device.name + ": " + device.problem;
    if (ImGui::Selectable(label.c_str(), state.device == static_cast<int>(i))) {
      state.device = static_cast<int>(i);
      actions.run = true;
    }
  }
  ImGui::EndCombo();
}

void task_control(ViewState& state, Actions& actions) {
  heading("Task");
  const char* current = state.task ? samples::to_string(*state.task) : "as the outputs look";
  ImGui::SetNextItemWidth(-1);
  if (!ImGui::BeginCombo("##task", current)) return;
  if (ImGui::Selectable("as the outputs look", !state.task)) state.task.reset(), actions.run = true;
  for (int i = 0; i < samples::kTaskCount; ++i) {
    const auto task = static_cast<samples::Task>(i);
    if (ImGui::Selectable(samples::to_string(task), state.task == task)) state.task = task, actions.run = true;
  }
  ImGui::EndCombo();
}

void mode_controls(ViewState& state, Actions& actions) {
  heading("Compare");
  const auto mode = [&](const char* label, Mode value) {
    if (ImGui::RadioButton(label, state.mode == value)) state.mode = value, actions.compare = true;
  };
  mode("divider", Mode::divider);
  ImGui::SameLine();
  mode("all", Mode::tiles);
  ImGui::SameLine();
  mode("difference", Mode::difference);
  if (state.mode == Mode::difference) {
    ImGui::SetNextItemWidth(-60);
    if (ImGui::SliderFloat("gain", &state.gain, 1, 64, "x %.0f", ImGuiSliderFlags_Logarithmic)) actions.compare = true;
  }
}

}  // namespace

void draw_controls(ViewState& state, Actions& actions, bool busy, const std::string& device_name) {
  picture_controls(state, actions);
  heading("Networks: left, right");
  for (int side = 0; side <= static_cast<int>(state.networks.size()); ++side) network_line(state, actions, side);
  if (state.networks.empty()) app::text_fitted("drop .nbl files here", true);
  device_control(state, actions, device_name);
  task_control(state, actions);
  mode_controls(state, actions);
  ImGui::Spacing();
  if (ImGui::Button("Run again", ImVec2(-1, 0))) actions.run = true;
  ImGui::TextDisabled("%s", busy ? "running ..." : " ");
  if (state.messages.empty()) return;
  ImGui::Separator();
  const float height = std::max(ImGui::GetContentRegionAvail().y - 34, 40.0f);
  ImGui::BeginChild("messages", ImVec2(0, height));
  ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(1.0f, 0.6f, 0.5f, 1.0f));
  for (size_t i = state.messages.size(); i-- > 0;) ImGui::TextWrapped("%s", state.messages[i].c_str());
  ImGui::PopStyleColor();
  ImGui::EndChild();
  if (ImGui::Button("Clear messages")) actions.clear_messages = true;
}

}  // namespace nibble::view
