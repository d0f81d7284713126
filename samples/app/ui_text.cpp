#include "app/ui_text.h"

namespace nibble::app {
namespace {

// From `at` on to the next beginning of a UTF-8 character.
size_t character_start(const std::string& text, size_t at) {
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

}  // namespace

std::string fitted(const std::string& text, float width) {
  if (text.empty() || ImGui::CalcTextSize(text.c_str()).x <= width) return text;
  // The end of a name says more than its middle.
  for (size_t keep = text.size() - 1; keep > 4; --keep) {
    const std::string head = text.substr(0, character_start(text, keep - keep / 2));
    const std::string tail = text.substr(character_start(text, text.size() - keep / 2));
    std::string cut = head + "..." + tail;
    if (ImGui::CalcTextSize(cut.c_str()).x <= width) return cut;
  }
  return "...";
}

void text_fitted(const std::string& text, bool dim) {
  const std::string shown = fitted(text, ImGui::GetContentRegionAvail().x);
  if (dim) {
    ImGui::TextDisabled("%s", shown.c_str());
  } else {
    ImGui::TextUnformatted(shown.c_str());
  }
  if (shown != text && ImGui::IsItemHovered()) ImGui::SetTooltip("%s", text.c_str());
}

void text_on_picture(ImDrawList& list, ImVec2 at, ImU32 color, const std::string& text) {
  const ImVec2 size = ImGui::CalcTextSize(text.c_str());
  list.AddRectFilled(ImVec2(at.x - 4, at.y - 2), ImVec2(at.x + size.x + 4, at.y + size.y + 2), IM_COL32(0, 0, 0, 170),
                     3);
  list.AddText(at, color, text.c_str());
}

}  // namespace nibble::app
