#include "app/app_options.h"

#include <CLI/CLI.hpp>

namespace nibble::app {

void add_app_options(CLI::App& cli, AppOptions& options) {
  cli.add_option("--device", options.device, "index or part of the name: draws the window");
  cli.add_option("--width", options.width, "of the window, in pixels")->check(CLI::Range(320, 16384));
  cli.add_option("--height", options.height, "of the window, in pixels")->check(CLI::Range(240, 16384));
  cli.add_flag("--headless", options.headless, "no window: draw the same frames into memory, for --screenshot");
  cli.add_option("--script", options.script, "a file of events to act on (samples/README.md)");
  cli.add_option("--screenshot", options.screenshot, "a PNG of the last frame");
  cli.add_flag("--validation", options.validation, "with the validation layer; its messages are errors");
}

}  // namespace nibble::app
