#include <algorithm>
#include <cstdio>

#include "converter/passes/pass.h"
#include "core/text.h"

namespace nibble::passes {

const std::vector<Pass>& pipeline() {
  static const std::vector<Pass> passes = {
      {"name_apart", name_apart},
      {"simplify_views", simplify_views},
      {"scalars_to_affine", scalars_to_affine},
      {"recognize_activations", recognize_activations},
      {"fold_affine", fold_affine},
      {"fold_pad", fold_pad},
      {"merge_equal", merge_equal},
      {"fuse_activation", fuse_activation},
  };
  return passes;
}

Status run(Graph& graph, const Options& options, const std::string& dump_after) {
  std::string names;
  for (const Pass& pass : pipeline()) names += std::string(names.empty() ? "" : ", ") + pass.name;
  const auto named = [&](const Pass& pass) { return dump_after == pass.name; };
  if (!dump_after.empty() && dump_after != "all" && std::none_of(pipeline().begin(), pipeline().end(), named))
    return Error{Code::not_found, "no pass is called '" + dump_after + "'; there are " + names + ", and 'all'"};
  // Every change removes a node, an attribute or a name that occurs twice, so this ends; the bound catches a mistake in
  // a pass.
  const size_t limit = 4 * graph.nodes.size() + 16;
  bool changed = true;
  for (size_t round = 0; changed; ++round) {
    if (round > limit) return Error{Code::internal, "graph passes do not come to an end"};
    changed = false;
    for (const Pass& pass : pipeline()) {
      // The last pass waits until the others are done: a fused activation hides what it was made of.
      if (&pass == &pipeline().back() && changed) continue;
      if (!pass.run(graph, options)) continue;
      changed = true;
      if (Status status = verify(graph); !status) {
        return Error{Code::internal, format("after pass %s: %s", pass.name, status.error().message.c_str())};
      }
      if (dump_after == pass.name || dump_after == "all") {
        std::fprintf(stderr, "after %s:\n%s\n", pass.name, dump_text(graph).c_str());
      }
    }
  }
  if (Status status = verify(graph); !status)
    return Error{Code::internal, "after all passes: " + status.error().message};
  return {};
}

}  // namespace nibble::passes
