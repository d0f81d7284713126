#include "converter/compress/stages.h"

#include <cstring>

#include "converter/compress/budget_search.h"
#include "core/try.h"

namespace nibble::compress {

// clang-format off
const std::vector<Stage>& stages() {
  // Pruning and equalisation change the float network and come before the ranges, what recovers the pruned one between
  // them, while its tensors are still those of the original; rounding needs both; nothing comes
  // between quantize and write that changes a value.
  static const std::vector<Stage> list = {
      {"budget", read_budget, Phase::prepare},
      {"plan", read_plan, Phase::prepare},
      {"check options", check_options, Phase::prepare},
      {"import", import_network, Phase::prepare},
      {"passes", run_passes, Phase::prepare},
      {"check network", check_network, Phase::prepare},
      {"plan fits", check_plan, Phase::prepare},
      {"samples", open_samples, Phase::prepare},
      {"check samples", check_samples, Phase::prepare},
      {"describe", describe_network, Phase::prepare},
      {"dead", remove_dead, Phase::prepare},
      {"redundant", remove_redundant, Phase::prepare},
      {"prune", prune_channels, Phase::prepare},
      {"recover", recover_weights, Phase::prepare},
      {"choose", choose_recipe, Phase::prepare},
      {"equalize", equalize_channels, Phase::prepare},
      {"ranges", find_ranges, Phase::change},
      {"plan ranges", note_ranges, Phase::change},
      {"round", round_weights, Phase::change},
      {"share", share_weights, Phase::change},
      {"quantize", quantize_graph, Phase::quantize},
      {"verify", verify_result, Phase::finish},
      {"measure layers", measure_layers, Phase::finish},
      {"judge", judge_result, Phase::finish},
      {"check macs", check_multiply_adds, Phase::finish},
      {"export", export_onnx, Phase::finish},
      {"pack", pack_weights, Phase::finish},
      {"plan out", complete_plan, Phase::finish},
      {"write", write_file, Phase::finish},
      // Behind the network: a file beside it that fails does not cost the work.
      {"write others", write_others, Phase::finish},
  };
  return list;
}
// clang-format on

Status run(Compression& compression, Phase phase) {
  for (const Stage& stage : stages()) {
    if (stage.phase != phase) continue;
    NBL_CHECK(stage.run(compression));
    if (compression.options.check_only && std::strcmp(stage.name, "passes") == 0) break;
  }
  return {};
}

Status run_from(Compression& compression, Phase phase, const char* first) {
  bool on = false;
  for (const Stage& stage : stages()) {
    on = on || std::strcmp(stage.name, first) == 0;
    if (on && stage.phase == phase) NBL_CHECK(stage.run(compression));
  }
  return on ? Status{} : Error{Code::internal, std::string("no stage is called '") + first + "'"};
}

Status run(Compression& compression) {
  NBL_CHECK(run(compression, Phase::prepare));
  if (compression.options.check_only) return {};
  const search::Budget& budget = compression.budget;
  if (budget.bytes || budget.milliseconds || budget.drop) {
    NBL_CHECK(search_budget(compression));
  } else {
    NBL_CHECK(run(compression, Phase::change));
    NBL_CHECK(run(compression, Phase::quantize));
  }
  return run(compression, Phase::finish);
}

}  // namespace nibble::compress
