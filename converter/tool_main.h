// What every tool's main() does around its work.
#pragma once

#include <cstdio>
#include <new>

namespace nibble {

// The tool's exit code; memory that could not be had is an error like any other.
template <class Work>
int run_tool_main(const char* tool, Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory: the network, or what is gathered of it, needs more than there is\n", tool);
    return 1;
  }
}

}  // namespace nibble
