#include "app/ui_style.h"

#include <imgui.h>

#include <cstdio>
#include <initializer_list>

namespace nibble::app {

void set_ui_style() {
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;  // nothing is left in the folder that the viewer is called from
  for (const char* path : {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "C:/Windows/Fonts/segoeui.ttf",
                           "/System/Library/Fonts/Helvetica.ttc"}) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) continue;
    std::fclose(file);
    if (io.Fonts->AddFontFromFileTTF(path, 15.0f)) break;
  }
  ImGui::StyleColorsDark();
  ImGuiStyle& style = ImGui::GetStyle();
  style.WindowRounding = 0;
  style.FrameRounding = 4;
  style.GrabRounding = 4;
  style.ScrollbarRounding = 4;
  style.WindowBorderSize = 0;
  style.FramePadding = ImVec2(8, 5);
  style.ItemSpacing = ImVec2(8, 7);
  style.WindowPadding = ImVec2(12, 10);
  ImVec4* colors = style.Colors;
  colors[ImGuiCol_WindowBg] = ImVec4(0.11f, 0.12f, 0.14f, 1.0f);
  colors[ImGuiCol_FrameBg] = ImVec4(0.19f, 0.21f, 0.25f, 1.0f);
  colors[ImGuiCol_Button] = ImVec4(0.22f, 0.34f, 0.52f, 1.0f);
  colors[ImGuiCol_Header] = ImVec4(0.22f, 0.34f, 0.52f, 0.7f);
  colors[ImGuiCol_TextDisabled] = ImVec4(0.62f, 0.65f, 0.70f, 1.0f);
}

}  // namespace nibble::app
