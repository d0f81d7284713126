// The options that the viewers share.
#pragma once

#include "app/app.h"

namespace CLI {
class App;
}

namespace nibble::app {

// --device, --size, --headless, --script, --screenshot, --validation.
void add_app_options(CLI::App& cli, AppOptions& options);

}  // namespace nibble::app
