// The pictures: two of them with a divider, all of them, or their difference; below them what the networks say.
#include <algorithm>
#include <array>
#include <cmath>

#include "app/ui_text.h"
#include "core/text.h"
#include "tools/picture_drawing.h"
#include "tools/tool_program.h"
#include "view/view_state.h"

namespace nibble::view {
namespace {

struct Rect {
  ImVec2 min, max;
  float width() const { return max.x - min.x; }
  float height() const { return max.y - min.y; }
};

constexpr ImU32 kLeftColor = IM_COL32(120, 190, 255, 255), kRightColor = IM_COL32(255, 190, 110, 255),
                kDim = IM_COL32(150, 155, 165, 255), kText = IM_COL32(235, 235, 235, 255);

// The largest rectangle of the picture's proportions in the middle of `area`.
Rect fit(const Rect& area, int width, int height) {
  const float scale = std::min(area.width() / static_cast<float>(width), area.height() / static_cast<float>(height));
  const float w = std::floor(static_cast<float>(width) * scale), h = std::floor(static_cast<float>(height) * scale);
  const ImVec2 min(std::floor(area.min.x + (area.width() - w) / 2), std::floor(area.min.y + (area.height() - h) / 2));
  return {min, ImVec2(min.x + w, min.y + h)};
}

void draw_boxes(ImDrawList& list, const ViewState& state, int side, const Rect& rect) {
  const NetResult* result = result_of(state, side);
  if (!result || !state.source.image) return;
  const float sx = rect.width() / static_cast<float>(state.source.image->width);
  const float sy = rect.height() / static_cast<float>(state.source.image->height);
  for (size_t i = result->boxes.size(); i-- > 0;) {
    const media::Box& box = result->boxes[i];
    const auto rgb = tools::class_color(box.label % 255 + 1);
    // Lighter than the colour map's dark half, which hardly shows on pictures.
    const ImU32 color = IM_COL32(96 + rgb[0] * 5 / 8, 96 + rgb[1] * 5 / 8, 96 + rgb[2] * 5 / 8, 255);
    const ImVec2 min(rect.min.x + box.x1 * sx, rect.min.y + box.y1 * sy);
    const ImVec2 max(rect.min.x + box.x2 * sx, rect.min.y + box.y2 * sy);
    list.AddRect(min, max, IM_COL32(0, 0, 0, 200), 0, 0, 4);
    list.AddRect(min, max, color, 0, 0, 2);
    // Many small boxes (faces) have no room for names.
    const std::string text = format("%s %.0f %%", result->box_names[i].c_str(), 100 * static_cast<double>(box.score));
    if (max.x - min.x < ImGui::CalcTextSize(text.c_str()).x * 0.8f) continue;
    app::text_on_picture(list, ImVec2(min.x + 5, min.y + 3), color, text);
  }
}

void draw_picture(ImDrawList& list, const ViewState& state, int side, const Rect& rect) {
  if (const Shown* shown = shown_of(state, side); shown && shown->texture) {
    list.AddImage(shown->texture.id(), rect.min, rect.max);
  }
  draw_boxes(list, state, side, rect);
}

void draw_divider(ViewState& state, const Rect& rect) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImGui::SetCursorScreenPos(rect.min);
  ImGui::InvisibleButton("pictures", ImVec2(std::max(rect.width(), 1.0f), std::max(rect.height(), 1.0f)));
  if (ImGui::IsItemActive()) state.divider = (ImGui::GetIO().MousePos.x - rect.min.x) / rect.width();
  state.divider = std::clamp(state.divider, 0.0f, 1.0f);
  const float x = std::floor(rect.min.x + state.divider * rect.width());
  list.PushClipRect(rect.min, ImVec2(x, rect.max.y), true);
  draw_picture(list, state, state.left, rect);
  list.PopClipRect();
  list.PushClipRect(ImVec2(x, rect.min.y), rect.max, true);
  draw_picture(list, state, state.right, rect);
  list.PopClipRect();
  list.AddLine(ImVec2(x, rect.min.y), ImVec2(x, rect.max.y), IM_COL32(255, 255, 255, 230), 2);
  const float y = (rect.min.y + rect.max.y) / 2;
  list.AddCircleFilled(ImVec2(x, y), 9, IM_COL32(255, 255, 255, 240));
  list.AddTriangleFilled(ImVec2(x - 6, y), ImVec2(x - 2, y - 4), ImVec2(x - 2, y + 4), IM_COL32(40, 40, 40, 255));
  list.AddTriangleFilled(ImVec2(x + 6, y), ImVec2(x + 2, y + 4), ImVec2(x + 2, y - 4), IM_COL32(40, 40, 40, 255));
}

void draw_tiles(const ViewState& state, const Rect& area) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const int count = static_cast<int>(state.networks.size()) + 1;
  const int columns = count <= 3 ? count : (count + 1) / 2, rows = (count + columns - 1) / columns;
  const float w = area.width() / static_cast<float>(columns), h = area.height() / static_cast<float>(rows);
  const float line = ImGui::GetTextLineHeight() + 6;
  for (int side = 0; side < count; ++side) {
    const ImVec2 min(area.min.x + static_cast<float>(side % columns) * w,
                     area.min.y + static_cast<float>(side / columns) * h);
    const Rect rect = fit({ImVec2(min.x + 4, min.y + line), ImVec2(min.x + w - 4, min.y + h - 4)},
                          state.source.image->width, state.source.image->height);
    list.AddText(ImVec2(min.x + 6, min.y + 2), kText, app::fitted(side_name(state, side), w - 12).c_str());
    list.PushClipRect(rect.min, rect.max, true);
    draw_picture(list, state, side, rect);
    list.PopClipRect();
  }
}

void draw_difference(const ViewState& state, const Rect& rect) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  if (state.heat.texture) list.AddImage(state.heat.texture.id(), rect.min, rect.max);
  list.AddRect(rect.min, rect.max, IM_COL32(90, 95, 105, 255));
}

constexpr size_t kRows = 4;  // of classes or boxes

int answer_lines(const ViewState& state, int side) {
  const NetResult* result = result_of(state, side);
  if (!result) return 2;
  const size_t boxes = result->task == samples::Task::boxes ? 1 + std::min(result->boxes.size(), kRows - 1) : 0;
  return 2 + static_cast<int>(std::max({std::min(result->classes.size(), kRows), boxes, size_t{1}}));
}

// One side's answer: time, memory, then classes, boxes or numbers.
void draw_answer(const ViewState& state, int side, ImU32 color, const char* which) {
  ImGui::PushStyleColor(ImGuiCol_Text, color);
  app::text_fitted(std::string(which) + ": " + side_name(state, side));
  ImGui::PopStyleColor();
  const NetResult* result = result_of(state, side);
  if (!result) {
    if (side > 0) ImGui::TextDisabled("running ...");
    if (side == 0 && state.source.image) {
      ImGui::TextDisabled("%d x %d", state.source.image->width, state.source.image->height);
    }
    return;
  }
  if (!result->error.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, IM_COL32(255, 140, 120, 255));
    ImGui::TextWrapped("%s", result->error.c_str());
    ImGui::PopStyleColor();
    return;
  }
  app::text_fitted(
      format("%s, %s%s, file %s, device memory %s", samples::to_string(result->task),
             tools::time_text(result->run_ms).c_str(), result->first_run ? " (first run)" : "",
             tools::bytes_text(result->file_bytes).c_str(), tools::bytes_text(result->memory.total()).c_str()),
      true);
  for (size_t i = 0; i < std::min(result->classes.size(), kRows); ++i) {
    const samples::ClassScore& found = result->classes[i];
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float wide = 90, tall = ImGui::GetTextLineHeight();
    ImDrawList& list = *ImGui::GetWindowDrawList();
    list.AddRectFilled(ImVec2(at.x, at.y + 3), ImVec2(at.x + wide, at.y + tall), IM_COL32(48, 54, 64, 255), 3);
    list.AddRectFilled(ImVec2(at.x, at.y + 3), ImVec2(at.x + 1 + (wide - 1) * found.score, at.y + tall), color, 3);
    ImGui::Dummy(ImVec2(wide, tall));
    ImGui::SameLine();
    app::text_fitted(format("%5.1f %%  %s", 100 * static_cast<double>(found.score), found.name.c_str()));
  }
  if (result->task == samples::Task::boxes) {
    app::text_fitted(format("%zu found", result->boxes.size()));
    for (size_t i = 0; i < std::min(result->boxes.size(), kRows - 1); ++i) {
      app::text_fitted(
          format("%4.0f %%  %s", 100 * static_cast<double>(result->boxes[i].score), result->box_names[i].c_str()));
    }
  } else if (result->classes.empty()) {
    app::text_fitted(result->summary);
  }
}

}  // namespace

void draw_comparison(ViewState& state, Actions&) {
  const ImVec2 origin = ImGui::GetCursorScreenPos(), space = ImGui::GetContentRegionAvail();
  const float answers =
      static_cast<float>(std::max(answer_lines(state, state.left), answer_lines(state, state.right))) *
          ImGui::GetTextLineHeightWithSpacing() +
      14;
  const Rect area{origin, ImVec2(origin.x + space.x, origin.y + std::max(space.y - answers, 60.0f))};
  ImDrawList& list = *ImGui::GetWindowDrawList();
  if (!state.source.image) {
    const char* text = state.pictures.size() > 0 ? "this picture cannot be shown"
                                                 : "Drop a picture or a folder, and .nbl files, on this window";
    const ImVec2 size = ImGui::CalcTextSize(text);
    list.AddText(ImVec2((area.min.x + area.max.x - size.x) / 2, (area.min.y + area.max.y - size.y) / 2), kDim, text);
  } else {
    const Rect rect = fit(area, state.source.image->width, state.source.image->height);
    if (state.mode == Mode::tiles) {
      draw_tiles(state, area);
    } else if (state.mode == Mode::difference) {
      draw_difference(state, rect);
    } else {
      draw_divider(state, rect);
    }
    if (state.mode != Mode::tiles && !state.difference.empty()) {
      app::text_on_picture(list, ImVec2(area.min.x + 8, area.min.y + 6), kText, state.difference);
    }
  }
  ImGui::SetCursorScreenPos(ImVec2(origin.x, area.max.y + 6));
  const float half = std::floor(space.x / 2);
  ImGui::BeginChild("left answer", ImVec2(half - 8, 0), false, ImGuiWindowFlags_NoScrollbar);
  draw_answer(state, state.left, kLeftColor, "left");
  ImGui::EndChild();
  ImGui::SameLine(0, 8);
  ImGui::BeginChild("right answer", ImVec2(0, 0), false, ImGuiWindowFlags_NoScrollbar);
  draw_answer(state, state.right, kRightColor, "right");
  ImGui::EndChild();
}

}  // namespace nibble::view
