// The --outputs option of the converter's tools.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace nibble {

// NAME,NAME,...; may be repeated.
inline void add_outputs_option(CLI::App& app, std::vector<std::string>& outputs) {
  app.add_option("--outputs", outputs,
                 "tensors that the network ends at, in place of its own outputs (post-processing is left out)")
      ->delimiter(',')
      ->expected(1)
      ->take_all();
}

}  // namespace nibble
