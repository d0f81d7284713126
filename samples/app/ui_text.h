// Text that fits where it is put.
#pragma once

#include <imgui.h>

#include <string>

namespace nibble::app {

// The text with its middle left out where it is wider than `width` pixels in the current font.
std::string fitted(const std::string& text, float width);

// fitted() to what is left of the line, the whole text as a tooltip where it was cut.
void text_fitted(const std::string& text, bool dim = false);

// Text with a dark shade behind it, readable on any picture.
void text_on_picture(ImDrawList& list, ImVec2 at, ImU32 color, const std::string& text);

}  // namespace nibble::app
