#include "view/view_options.h"

#include <CLI/CLI.hpp>

#include "app/app_options.h"
#include "tools/tool_program.h"

namespace nibble::view {

std::optional<int> parse_view_options(int argc, char** argv, ViewOptions& options) {
  CLI::App cli("Networks in several formats on one picture, side by side.");
  options.app.title = "nibble-view";
  app::add_app_options(cli, options.app);
  cli.add_option("--network-device", options.network_device, "index or part of the name: runs the networks");
  cli.add_option("paths", options.paths, "pictures, folders of pictures and .nbl files, as if dropped on the window");
  return tools::parse_arguments(cli, argc, argv);
}

}  // namespace nibble::view
