// Where a search starts: losses and costs of every format, and the selection by knapsack whose file keeps the bounds.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "converter/compress/budget_search.h"
#include "converter/compress/file_bytes.h"
#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/quantize/formats.h"
#include "converter/statistics/moments_collector.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

// Bytes that the network has as it came: its file, or its weights where those lie in files of their own.
double bytes_before(const Compression& c) {
  std::error_code ignored;
  const auto file = std::filesystem::file_size(c.options.model, ignored);
  double constants = 0.0;
  for (const Tensor& t : c.original.tensors) {
    if (t.is_constant()) constants += static_cast<double>(t.constant->bytes.size());
  }
  return ignored ? constants : std::max(constants, static_cast<double>(file));
}

}  // namespace

Status BudgetSearch::make_oracle() {
  std::vector<std::optional<int>> labels;
  if (!c_.options.labels.empty()) {
    for (size_t i = 0; i < c_.held_out->size(); ++i) {
      std::optional<int> label = c_.held_out->set.label(i);
      if (label) *label += c_.preprocessing.label_offset;
      labels.push_back(label);
    }
  }
  SampleRuns original(c_.original, *c_.held_out, c_.make_executor);
  NBL_TRY(oracle_, search::DivergenceOracle::make(
                       c_.held_out->size(), [&](size_t i) { return original.run(i, {}); }, std::move(labels)));
  return {};
}

Status BudgetSearch::prepare() {
  NBL_CHECK(find_ranges(c_));
  NBL_CHECK(make_oracle());
  if (c_.budget.drop) {
    NBL_TRY(drop_, search::settle(*c_.budget.drop, oracle_.has_classes(), oracle_.has_labels()));
  }
  original_bytes_ = bytes_before(c_);
  if (c_.budget.bytes) byte_bound_ = c_.budget.bytes->of(original_bytes_);
  // A thousand runs of the network for the factors, but a handful of samples at least.
  const size_t layers = std::max<size_t>(statistics::moment_layers(c_.graph).size(), 1);
  NBL_TRY(table_, make_loss_table(c_, oracle_, std::clamp<size_t>(1000 / layers, 8, 32)));
  c_.format.keep_wide.clear();  // its layers have no other options in the table
  if (table_.empty())
    return Error{Code::invalid_argument, "bounds: the network has no layers with weights to choose formats for"};
  if (!c_.budget.milliseconds) return {};
  ms_bound_ = *c_.budget.milliseconds;
  if (!c_.latency) return Error{Code::invalid_argument, "--target-latency: no device to measure on"};
  return add_times();
}

search::Knapsack BudgetSearch::knapsack(double bytes, double ms) const {
  search::Knapsack out;
  for (const LayerOptions& layer : table_) {
    std::vector<search::Choice>& choices = out.items.emplace_back();
    for (const FormatOption& option : layer.options)
      choices.push_back({option.loss, {option.stored_bytes(coded_), 0.0, option.milliseconds}});
  }
  out.bound[search::kBytes] = std::max(bytes - overhead_, 1.0);
  if (std::isfinite(ms)) out.bound[search::kMilliseconds] = std::max(ms / ms_scale_ - fixed_ms_, 1e-9);
  return out;
}

double BudgetSearch::predicted_bytes(const std::vector<size_t>& selection) const {
  double sum = overhead_;
  for (size_t i = 0; i < table_.size(); ++i) sum += table_[i].options[selection[i]].stored_bytes(coded_);
  return sum;
}

quantization::Options BudgetSearch::format_of(const std::vector<size_t>& selection, bool with_rounding) const {
  quantization::Options out = c_.format;
  apply_selection(table_, selection, with_rounding, out);
  return out;
}

Result<double> BudgetSearch::file_bytes(const std::vector<size_t>& selection) const {
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(c_.graph, c_.ranges, format_of(selection, true)));
  return file_bytes_of(std::move(quantized.graph), coded_);
}

Status BudgetSearch::add_times() {
  NBL_TRY(timed_dims_, dims_of_sample(c_.graph, c_.held_out->set, 0, c_.preprocessing));
  size_t most = 0;
  for (const LayerOptions& layer : table_) most = std::max(most, layer.options.size());
  for (size_t k = 0; k < most; ++k) {
    std::vector<size_t> selection;
    std::map<std::string, size_t> index;
    for (size_t i = 0; i < table_.size(); ++i) {
      selection.push_back(std::min(k, table_[i].options.size() - 1));
      index[table_[i].name] = i;
    }
    NBL_TRY(const quantization::Quantized quantized,
            quantization::quantize(c_.graph, c_.ranges, format_of(selection, true)));
    NBL_TRY(const Graph bound, bind_dims(quantized.graph, timed_dims_));
    NBL_TRY(const std::vector<double> times, c_.latency->node_ms(bound));
    for (size_t n = 0; n < bound.nodes.size(); ++n) {
      const auto found = index.find(bound.nodes[n].name);
      const bool layer = found != index.end() && quantization::has_weights(bound.nodes[n]);
      if (layer) table_[found->second].options[selection[found->second]].milliseconds = times[n];
      if (!layer && k == 0) fixed_ms_ += times[n];
    }
  }
  if (const Status saved = c_.latency->save(); !saved)  // times that must be measured again, no more
    c_.undone.push_back("--latency-table: " + saved.error().message);
  return {};
}

double BudgetSearch::predicted_ms(const std::vector<size_t>& selection) const {
  double sum = fixed_ms_;
  for (size_t i = 0; i < table_.size(); ++i) sum += table_[i].options[selection[i]].milliseconds;
  return ms_scale_ * sum;
}

Result<search::NetworkTime> BudgetSearch::network_time(const Graph& quantized, search::LayerTimer::Look look) const {
  NBL_TRY(const Graph bound, bind_dims(quantized, timed_dims_));
  return c_.latency->network_time(bound, look);
}

Result<std::vector<size_t>> BudgetSearch::fit(double bytes, double ms) {
  std::vector<size_t> best, nearest, before;
  double least = search::kNoBound;
  for (int round = 0; round < kFitRounds; ++round) {
    std::vector<size_t> selection = search::solve(knapsack(bytes, ms)).choice;
    if (selection == before && !std::isfinite(bytes)) break;  // another measurement of the same would not change it
    before = selection;
    double excess = 0.0, change = 0.0;
    if (std::isfinite(bytes)) {
      NBL_TRY(const double actual, file_bytes(selection));
      const double error = actual - predicted_bytes(selection);
      overhead_ += error;
      change = std::max(change, std::abs(error) / bytes);
      excess = std::max(excess, actual / bytes);
    }
    if (std::isfinite(ms)) {
      NBL_TRY(const quantization::Quantized quantized,
              quantization::quantize(c_.graph, c_.ranges, format_of(selection, true)));
      NBL_TRY(const search::NetworkTime time, network_time(quantized.graph, search::LayerTimer::Look::glance));
      const double actual = time.median;
      const double factor = actual / std::max(predicted_ms(selection), 1e-9);
      ms_scale_ *= factor;
      change = std::max(change, std::abs(factor - 1.0));
      excess = std::max(excess, actual / ms);
    }
    if (excess < least) least = excess, nearest = selection;
    if (excess <= 1.0) {
      best = selection;
      if (change < 0.001 || (std::isfinite(ms) && change < 0.02)) break;
    } else if (std::isfinite(bytes)) {
      overhead_ += 0.0005 * bytes;  // the next one with some room
    }
  }
  return best.empty() ? nearest : best;
}

}  // namespace nibble::compress
