#include <cstdio>

#include "converter/compress/stages.h"
#include "converter/prune/dead_channels.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {

Status remove_dead(Compression& c) {
  NBL_TRY(prune::DeadChannels dead, prune::remove_dead_channels(c.graph));
  if (dead.removed == 0) return {};
  for (const auto& count : dead.counts) {
    if (count.removed > 0)
      c.report.notes.push_back(
          {count.group, format("%lld of %lld channels are always constant or read by nobody: removed",
                               static_cast<long long>(count.removed), static_cast<long long>(count.of))});
  }
  std::printf("%lld dead or constant channels removed in %zu places; the output stays the same\n",
              static_cast<long long>(dead.removed), dead.counts.size());
  c.kept = std::move(dead.kept);
  c.graph = std::move(dead.graph);
  return {};
}

}  // namespace nibble::compress
