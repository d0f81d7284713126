// What nibble-view is called with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/app.h"

namespace nibble::view {

struct ViewOptions {
  app::AppOptions app;
  std::string network_device;      // empty: the best one
  std::vector<std::string> paths;  // pictures, folders and networks, as if dropped
};

// An exit code when there is nothing to show: behind --help and wrong arguments.
std::optional<int> parse_view_options(int argc, char** argv, ViewOptions& options);

}  // namespace nibble::view
