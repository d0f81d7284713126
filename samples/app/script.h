// Events written down in a file, for tests and demonstrations: with a window or without, a viewer acts on them as on
// those of a user. A line each; '#' begins a comment.
//
//   frames N                  draw N frames
//   wait                      draw frames until the viewer has nothing left to do (at most two minutes)
//   await_key NAME            draw frames until this key is pressed by someone (at most two minutes)
//   key NAME                  as pressed: space, left, right, up, down, tab, escape, enter, a..z, 0..9
//   mouse X Y                 in pixels of the window; stays there
//   press | release           of the left button
//   resize W H                the window
//   minimise | restore
//   drop PATH                 a file or folder dropped on the window
//   screenshot FILE.png       of the last frame
//   VERB ARGUMENT             anything else is the viewer's own; its README lists them
//   quit
#pragma once

#include <string>
#include <vector>

#include "nibble/result.h"

namespace nibble::app {

struct ScriptLine {
  int number = 0;
  std::string verb, argument;
};

// Errors name the line: a number that is missing or out of range, a word too many.
Result<std::vector<ScriptLine>> parse_script(const std::string& text);
Result<std::vector<ScriptLine>> read_script(const std::string& path);

// The numbers of "N" or "A B", as checked by parse_script().
std::vector<int> numbers_of(const ScriptLine& line);

}  // namespace nibble::app
