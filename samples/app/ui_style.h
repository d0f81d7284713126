// How the viewers look.
#pragma once

namespace nibble::app {

// For the current ImGui context: colours, spacing, and a font of the system that is readable at 1280 x 720, or ImGui's
// own where there is none.
void set_ui_style();

}  // namespace nibble::app
