// Time by step and bits by layer, of the networks on both sides.
#include <algorithm>

#include "app/ui_text.h"
#include "core/text.h"
#include "tools/tool_program.h"
#include "view/view_state.h"

namespace nibble::view {
namespace {

constexpr ImU32 kDim = IM_COL32(150, 155, 165, 255);

// Blue for 4 bits and fewer, green for 8, orange for 16, red for 32, gray where there are no weights.
ImU32 bits_color(int bits) {
  if (bits == 0) return IM_COL32(95, 100, 112, 255);
  if (bits <= 4) return IM_COL32(80, 140, 235, 255);
  if (bits <= 8) return IM_COL32(80, 175, 105, 255);
  if (bits <= 16) return IM_COL32(220, 160, 60, 255);
  return IM_COL32(205, 85, 75, 255);
}

// Bars beside each other whose widths are in proportion to the times; the one under the mouse is named.
void flame_bar(const NetResult& result, float width, float height) {
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  ImGui::InvisibleButton("flame", ImVec2(width, height));
  const bool hovered = ImGui::IsItemHovered();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  double total = 0;
  for (const LayerBar& step : result.steps) total += step.ms;
  if (total <= 0) {
    list.AddText(origin, kDim, "no times: this device has no timestamps");
    return;
  }
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  double begin = 0;
  for (const LayerBar& step : result.steps) {
    const float x1 = origin.x + width * static_cast<float>(begin / total);
    begin += step.ms;
    const float x2 = origin.x + width * static_cast<float>(begin / total);
    const ImVec2 min(x1, origin.y), max(std::max(x2 - 1, x1 + 0.5f), origin.y + height);
    const bool chosen = hovered && mouse.x >= x1 && mouse.x < x2;
    list.AddRectFilled(min, max, chosen ? IM_COL32(250, 240, 160, 255) : bits_color(step.bits));
    if (chosen) {
      const std::string bits = step.bits ? format("%d bits", step.bits) : std::string("no weights");
      ImGui::SetTooltip("%s\n%s\n%s, %s (%.1f %%)", step.name.c_str(), step.kernel.c_str(), bits.c_str(),
                        tools::time_text(step.ms).c_str(), 100 * step.ms / total);
    }
    const std::string name = app::fitted(step.name, x2 - x1 - 8);
    if (x2 - x1 > 46 && name.size() > 4) {
      list.AddText(ImVec2(x1 + 4, origin.y + (height - ImGui::GetTextLineHeight()) / 2),
                   chosen ? IM_COL32(20, 20, 20, 255) : IM_COL32(255, 255, 255, 235), name.c_str());
    }
  }
}

// A column a layer with weights: as high as its bits, of 32.
void bits_columns(const NetResult& result, float width, float height) {
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  ImGui::InvisibleButton("bits", ImVec2(width, height));
  const bool hovered = ImGui::IsItemHovered();
  if (result.layers.empty()) return;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float step = std::min(width / static_cast<float>(result.layers.size()), 28.0f);
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const LayerBits& layer = result.layers[i];
    const float x = origin.x + step * static_cast<float>(i);
    const float tall = height * static_cast<float>(std::clamp(layer.bits, 1, 32)) / 32;
    const ImVec2 min(x, origin.y + height - tall), max(x + std::max(step - 1, 1.0f), origin.y + height);
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    const bool chosen = hovered && mouse.x >= x && mouse.x < x + step;
    list.AddRectFilled(min, max, chosen ? IM_COL32(250, 240, 160, 255) : bits_color(layer.bits));
    if (chosen) {
      ImGui::SetTooltip("%s\n%s, %s", layer.name.c_str(), layer.weights.c_str(),
                        tools::bytes_text(layer.bytes).c_str());
    }
  }
  list.AddLine(ImVec2(origin.x, origin.y + height), ImVec2(origin.x + width, origin.y + height), kDim);
}

void side_layers(const ViewState& state, int side, const char* which) {
  const NetResult* result = result_of(state, side);
  if (!result || !result->error.empty()) {
    ImGui::TextDisabled("%s: %s", which, side == 0 ? "the picture" : result ? "nothing was measured" : "running ...");
    ImGui::Dummy(ImVec2(1, 50));
    return;
  }
  double total = 0;
  for (const LayerBar& bar : result->steps) total += bar.ms;
  app::text_fitted(
      format("%s: %s in %zu steps on the device; weights %s, activations %s", which, tools::time_text(total).c_str(),
             result->steps.size(), tools::bytes_text(result->memory.weights).c_str(),
             tools::bytes_text(result->memory.activations).c_str()),
      true);
  ImGui::PushID(which);
  const float width = ImGui::GetContentRegionAvail().x, bits = 190;
  flame_bar(*result, std::max(width - bits - 14, 60.0f), 50);
  ImGui::SameLine(0, 14);
  bits_columns(*result, bits, 50);
  ImGui::PopID();
}

void legend_entry(int bits, const char* text) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float line = ImGui::GetTextLineHeight();
  ImGui::GetWindowDrawList()->AddRectFilled(ImVec2(at.x, at.y + 2), ImVec2(at.x + 12, at.y + line - 1),
                                            bits_color(bits));
  ImGui::SetCursorScreenPos(ImVec2(at.x + 17, at.y));
  ImGui::TextDisabled("%s", text);
}

}  // namespace

void draw_layers(ViewState& state) {
  const bool wide = ImGui::GetContentRegionAvail().x > 640;
  ImGui::TextDisabled("%s", wide ? "Steps by time, layers by bits (point at them):" : "Steps, layers:");
  const std::pair<int, const char*> entries[] = {{4, "4 bits"}, {8, "8"}, {16, "16"}, {32, "32"}, {0, "no weights"}};
  for (const auto& [bits, text] : entries) {
    ImGui::SameLine(0, 12);
    legend_entry(bits, text);
  }
  side_layers(state, state.left, "left");
  side_layers(state, state.right, "right");
}

}  // namespace nibble::view
