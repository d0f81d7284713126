#include <algorithm>

#include "converter/compress/stages.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"

namespace nibble::compress {
namespace {

Error contradiction(const std::string& text) { return {Code::invalid_argument, text}; }

}  // namespace

Status read_budget(Compression& c) {
  ConvertOptions& o = c.options;
  search::Budget& b = c.budget;
  if (!o.max_size.empty()) {
    NBL_TRY(b.bytes, search::parse_bound(o.max_size, "--max-size"));
  }
  if (!o.max_macs.empty()) {
    NBL_TRY(b.multiply_adds, search::parse_bound(o.max_macs, "--max-macs"));
  }
  if (o.target_latency > 0.0) b.milliseconds = o.target_latency;
  if (!o.max_drop.empty()) {
    NBL_TRY(b.drop, search::parse_drop(o.max_drop));
  }
  if (!o.labels.empty() && !b.drop) return contradiction("--labels is for --max-drop, which is not given");
  if (!o.latency_table.empty() && !b.milliseconds) {
    return contradiction("--latency-table is for --target-latency, which is not given");
  }
  if (!b.any()) return {};
  if (!o.plan.empty()) {
    return contradiction(
        "--plan repeats decisions that were made; bounds (--max-size, --max-macs, --target-latency, --max-drop) ask "
        "for "
        "new ones: give one or the other");
  }
  if (o.calibrate.empty()) return contradiction("bounds need samples to judge candidates by: give --calibrate PATH");
  using quantization::WeightFormat;
  const bool wide = o.format.weights == WeightFormat::fp32 || o.format.weights == WeightFormat::fp16;
  if (wide && b.bytes && b.bytes->relative && b.bytes->value < (o.format.weights == WeightFormat::fp32 ? 0.5 : 0.25)) {
    return contradiction(
        format("--max-size %s with --weights %s: that would take removing more than half of the "
               "network; let the search choose --weights int8 or int4",
               o.max_size.c_str(), to_string(o.format.weights)));
  }
  o.hold_out = true;
  return {};
}

Status check_multiply_adds(Compression& c) {
  if (!c.budget.multiply_adds) return {};
  const double bound = c.budget.multiply_adds->of(static_cast<double>(multiply_adds(c.original))),
               found = static_cast<double>(multiply_adds(c.graph));
  if (found <= bound) return {};
  c.missed.push_back(format("--max-macs: %.0f multiply-adds, asked for %.0f. No more channels can go: relax --max-macs",
                            found, bound));
  std::vector<std::pair<double, const Node*>> layers;
  for (const Node& node : c.graph.nodes) layers.emplace_back(static_cast<double>(multiply_adds(c.graph, node)), &node);
  std::stable_sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; i < std::min<size_t>(layers.size(), 5); ++i) {
    const std::string& name = layers[i].second->name;
    const auto frozen = std::find_if(c.report.frozen.begin(), c.report.frozen.end(),
                                     [&](const report::Note& f) { return f.subject == name; });
    c.missed.back() += format("\n    %5.1f %% of them: '%s'%s", 100.0 * layers[i].first / found, name.c_str(),
                              frozen == c.report.frozen.end() ? "" : (", " + frozen->text).c_str());
  }
  return {};
}

}  // namespace nibble::compress
