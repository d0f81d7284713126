// What a search tells: sizes and what they lose, and the layers to blame for a bound that is missed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "converter/compress/budget_search.h"
#include "core/text.h"

namespace nibble::compress {

std::vector<report::ParetoPoint> BudgetSearch::points() const {
  std::vector<report::ParetoPoint> out;
  double low = 0.0, high = 0.0;
  for (const LayerOptions& layer : table_) {
    double least = search::kNoBound, most = 0.0;
    for (const FormatOption& o : layer.options)
      least = std::min(least, o.stored_bytes(coded_)), most = std::max(most, o.stored_bytes(coded_));
    low += least, high += most;
  }
  std::printf("size and predicted loss (%s):\n", oracle_.has_classes() ? "KL, nats" : "noise over signal");
  double before = -1.0;
  for (int point = 0; point < 8; ++point) {
    const double bytes = overhead_ + low + (high - low) * point / 7.0;
    const search::Selection s = search::solve(knapsack(bytes * (1 + 1e-9)));
    const double size = predicted_bytes(s.choice);
    if (size == before) continue;
    before = size;
    std::printf("  %10.1f kB  %.3fx  %.3g\n", size / 1000.0, size / original_bytes_, s.loss);
    out.push_back({size, s.loss, false});
  }
  return out;
}

void BudgetSearch::blame(const Made& made, const std::vector<size_t>& selection) {
  std::vector<size_t> order(table_.size());
  const auto list = [&](auto value, const char* what) {
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value(a) > value(b); });
    double all = 0.0;
    for (size_t i : order) all += value(i);
    std::string out;
    for (size_t k = 0; k < std::min<size_t>(order.size(), 5); ++k) {
      const LayerOptions& layer = table_[order[k]];
      const quantization::LayerFormat& f = layer.options[selection[order[k]]].format;
      const bool last = selection[order[k]] + 1 == layer.options.size();
      out += format("\n    %5.1f %% of %s: '%s', %s%s", all > 0.0 ? 100.0 * value(order[k]) / all : 0.0, what,
                    layer.name.c_str(), to_string(f.format), last ? ", the narrowest it can have" : "");
    }
    return out;
  };
  if (made.bytes > byte_bound_) {
    c_.missed.push_back(
        format("--max-size: %.0f bytes, asked for %.0f. Relax --max-size, allow narrower formats (no --keep-wide), or "
               "remove channels (--max-macs)",
               made.bytes, byte_bound_) +
        list([&](size_t i) { return table_[i].options[selection[i]].stored_bytes(coded_); }, "the weights"));
  }
  if (made.time.median > ms_bound_) {
    c_.missed.push_back(
        format("--target-latency: %.3f ms on '%s', asked for %.3f. Relax --target-latency, or remove "
               "channels (--max-macs)",
               made.time.median, c_.latency->device_name().c_str(), ms_bound_) +
        list([&](size_t i) { return table_[i].options[selection[i]].milliseconds; }, "the layers' time"));
  }
  if (!keeps_drop(made.divergence)) {
    c_.missed.push_back(format("--max-drop %s: %s. Relax --max-drop%s, or --keep-wide the layers that lose most",
                               c_.options.max_drop.c_str(), search::describe(*drop_, made.divergence).c_str(),
                               std::isfinite(byte_bound_) ? " or --max-size" : "") +
                        list([&](size_t i) { return table_[i].options[selection[i]].loss; }, "the predicted loss"));
  }
}

}  // namespace nibble::compress
