#include "converter/compress/budget_search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "converter/compress/stages.h"
#include "converter/data/network_inputs.h"
#include "converter/encode/zstd_compressor.h"
#include "converter/quantize/formats.h"
#include "converter/search/simulate.h"
#include "converter/statistics/moments_collector.h"
#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "format/writer.h"
#include "media/progress.h"

namespace nibble::compress {
namespace {

double option_bytes(const FormatOption& option, bool coded) { return coded ? option.coded_bytes : option.bytes; }

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

Result<double> bytes_of(Graph graph, bool coded) {
  NBL_CHECK(pack_graph(graph));
  NBL_TRY(const WriteOptions options, encode::write_options(coded));
  NBL_TRY(const std::vector<std::byte> bytes, model_bytes(graph, options));
  return static_cast<double>(bytes.size());
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

Result<double> BudgetSearch::float_loss() {
  NBL_CHECK(make_oracle());
  SampleRuns runs(c_.graph, *c_.held_out, c_.make_executor);
  NBL_TRY(const search::Divergence d, oracle_.measure([&](size_t i) { return runs.run(i, {}); }));
  return d.loss.mean;
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
      choices.push_back({option.loss, {option_bytes(option, coded_), 0.0, option.milliseconds}});
  }
  out.bound[search::kBytes] = std::max(bytes - overhead_, 1.0);
  if (std::isfinite(ms)) out.bound[search::kMilliseconds] = std::max(ms / ms_scale_ - fixed_ms_, 1e-9);
  return out;
}

double BudgetSearch::predicted_bytes(const std::vector<size_t>& selection) const {
  double sum = overhead_;
  for (size_t i = 0; i < table_.size(); ++i) sum += option_bytes(table_[i].options[selection[i]], coded_);
  return sum;
}

quantization::Options BudgetSearch::format_of(const std::vector<size_t>& selection, bool with_rounding) const {
  quantization::Options out = c_.format;
  apply_selection(table_, selection, with_rounding, out);
  return out;
}

Result<double> BudgetSearch::file_bytes(const std::vector<size_t>& selection) const {
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(c_.graph, c_.ranges, format_of(selection, true)));
  return bytes_of(std::move(quantized.graph), coded_);
}

Result<BudgetSearch::Candidate> BudgetSearch::measured(std::vector<size_t> selection) const {
  Candidate out;
  NBL_TRY(out.divergence, simulated_divergence(c_, format_of(selection, true), oracle_));
  out.loss = out.divergence.loss.mean;
  out.bytes = predicted_bytes(selection);
  out.selection = std::move(selection);
  return out;
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
  return c_.latency->save();
}

double BudgetSearch::predicted_ms(const std::vector<size_t>& selection) const {
  double sum = fixed_ms_;
  for (size_t i = 0; i < table_.size(); ++i) sum += table_[i].options[selection[i]].milliseconds;
  return ms_scale_ * sum;
}

Result<double> BudgetSearch::network_ms(const Graph& quantized) const {
  NBL_TRY(const Graph bound, bind_dims(quantized, timed_dims_));
  return c_.latency->network_ms(bound);
}

Result<std::vector<size_t>> BudgetSearch::fit(double bytes, double ms) {
  std::vector<size_t> best, nearest;
  double least = search::kNoBound;
  for (int round = 0; round < kFitRounds; ++round) {
    std::vector<size_t> selection = search::solve(knapsack(bytes, ms)).choice;
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
      NBL_TRY(const double actual, network_ms(quantized.graph));
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

Result<BudgetSearch::Candidate> BudgetSearch::exchange(Candidate best, double bytes, double ms) const {
  // Moves by predicted gain: one layer wider, with room that is left or that another one gives by getting narrower.
  std::vector<std::vector<size_t>> tried{best.selection};
  media::Progress progress("exchanges", kExchanges);
  int evaluations = 0;
  for (bool better = true; better && evaluations < kExchanges;) {
    better = false;
    struct Move {
      double gain;
      std::vector<size_t> selection;
    };
    std::vector<Move> moves;
    const auto loss_change = [&](size_t i, size_t to) {
      return table_[i].options[to].loss - table_[i].options[best.selection[i]].loss;
    };
    const auto consider = [&](std::vector<size_t> selection, double gain) {
      if (predicted_bytes(selection) > bytes || predicted_ms(selection) > ms) return;
      if (std::find(tried.begin(), tried.end(), selection) == tried.end())
        moves.push_back({gain, std::move(selection)});
    };
    for (size_t i = 0; i < table_.size(); ++i) {
      for (size_t to = 0; to < table_[i].options.size(); ++to) {
        if (to >= best.selection[i]) continue;
        std::vector<size_t> one = best.selection;
        one[i] = to;
        consider(one, -loss_change(i, to));
        for (size_t j = 0; j < table_.size(); ++j) {
          for (size_t down = best.selection[j] + 1; j != i && down < table_[j].options.size(); ++down) {
            std::vector<size_t> two = one;
            two[j] = down;
            consider(std::move(two), -loss_change(i, to) - loss_change(j, down));
          }
        }
      }
    }
    std::stable_sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.gain > b.gain; });
    // The table is only a prior: what it calls a small worsening may be a gain, but not for ever.
    for (size_t m = 0; m < std::min<size_t>(moves.size(), 10) && evaluations < kExchanges; ++m) {
      tried.push_back(moves[m].selection);
      NBL_TRY(Candidate candidate, measured(std::move(moves[m].selection)));
      ++evaluations;
      progress.advance();
      if (candidate.loss >= best.loss * 0.999) continue;
      best = std::move(candidate);
      better = true;
      break;
    }
  }
  progress.finish();
  return best;
}

bool BudgetSearch::keeps_drop(const search::Divergence& divergence) const {
  return !drop_ || search::figure(*drop_, divergence).mean <= search::limit(*drop_) + 1e-9;
}

Result<std::vector<size_t>> BudgetSearch::smallest_within_drop() {
  std::vector<size_t> widest(table_.size(), 0), narrowest;
  for (const LayerOptions& layer : table_) narrowest.push_back(layer.options.size() - 1);
  coded_ = true;
  NBL_TRY(const double actual, file_bytes(narrowest));
  overhead_ += actual - predicted_bytes(narrowest);
  NBL_TRY(const Candidate least, measured(narrowest));
  if (keeps_drop(least.divergence)) return narrowest;
  std::vector<size_t> best = widest;
  double low = predicted_bytes(narrowest), high = predicted_bytes(widest);
  for (int step = 0; step < 8; ++step) {
    const double middle = 0.5 * (low + high);
    NBL_TRY(const Candidate candidate, measured(search::solve(knapsack(middle)).choice));
    if (keeps_drop(candidate.divergence))
      best = candidate.selection, high = middle;
    else
      low = middle;
  }
  return best;
}

Result<BudgetSearch::Candidate> BudgetSearch::choose(double bytes, double ms) {
  if (!std::isfinite(bytes) && !std::isfinite(ms)) {
    if (!drop_) return measured(std::vector<size_t>(table_.size(), 0));
    NBL_TRY(std::vector<size_t> selection, smallest_within_drop());
    return measured(std::move(selection));
  }
  NBL_TRY(std::vector<size_t> selection, fit(bytes, ms));
  NBL_TRY(Candidate start, measured(std::move(selection)));
  return exchange(std::move(start), bytes, ms);
}

Result<BudgetSearch::Made> BudgetSearch::make(const std::vector<size_t>& selection) const {
  Made out{c_, 0.0, 0.0, {}};
  out.compression.ranges.clear();
  out.compression.options.entropy_code = coded_;
  apply_selection(table_, selection, false, out.compression.format);
  NBL_CHECK(compress::run(out.compression, Phase::change));
  NBL_TRY(out.divergence, simulated_divergence(out.compression, out.compression.format, oracle_));
  NBL_CHECK(compress::run(out.compression, Phase::quantize));
  NBL_TRY(out.bytes, bytes_of(out.compression.graph, coded_));
  if (c_.latency) {
    NBL_TRY(out.ms, network_ms(out.compression.graph));
  }
  return out;
}

std::vector<report::ParetoPoint> BudgetSearch::points() const {
  std::vector<report::ParetoPoint> out;
  double low = 0.0, high = 0.0;
  for (const LayerOptions& layer : table_) {
    double least = search::kNoBound, most = 0.0;
    for (const FormatOption& o : layer.options)
      least = std::min(least, option_bytes(o, coded_)), most = std::max(most, option_bytes(o, coded_));
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
        list([&](size_t i) { return option_bytes(table_[i].options[selection[i]], coded_); }, "the weights"));
  }
  if (made.ms > ms_bound_) {
    c_.missed.push_back(
        format("--target-latency: %.3f ms on '%s', asked for %.3f. Relax --target-latency, or remove "
               "channels (--max-macs)",
               made.ms, c_.latency->device_name().c_str(), ms_bound_) +
        list([&](size_t i) { return table_[i].options[selection[i]].milliseconds; }, "the layers' time"));
  }
  if (!keeps_drop(made.divergence)) {
    c_.missed.push_back(format("--max-drop %s: %s. Relax --max-drop%s, or --keep-wide the layers that lose most",
                               c_.options.max_drop.c_str(), search::describe(*drop_, made.divergence).c_str(),
                               std::isfinite(byte_bound_) ? " or --max-size" : "") +
                        list([&](size_t i) { return table_[i].options[selection[i]].loss; }, "the predicted loss"));
  }
}

Status BudgetSearch::run() {
  NBL_CHECK(prepare());
  coded_ = c_.options.entropy_code;
  const std::vector<size_t> widest(table_.size(), 0);
  if (std::isfinite(byte_bound_) && !coded_) {
    // Coding loses nothing but the time to expand it at load: used as soon as the widest formats do not fit without.
    NBL_TRY(const double bytes, file_bytes(widest));
    coded_ = bytes > byte_bound_;
  }
  double bytes = byte_bound_, ms = ms_bound_, least = search::kNoBound;
  std::optional<Made> best;
  std::vector<size_t> best_selection;
  for (int round = 0; round < 3; ++round) {
    NBL_TRY(const Candidate candidate, choose(bytes, ms));
    NBL_TRY(Made made, make(candidate.selection));
    const double over = std::max(made.bytes / byte_bound_, made.ms / ms_bound_);  // 0 without bounds
    const double too_many = made.bytes - byte_bound_, too_slow = made.ms / ms_bound_;
    if (!best || over < least) least = over, best = std::move(made), best_selection = candidate.selection;
    if (over <= 1.0) break;
    if (too_many > 0.0) bytes -= too_many + 0.001 * byte_bound_;
    if (too_slow > 1.0) ms /= too_slow * 1.005;
    if (bytes <= 0.0) break;
  }
  // Back-off: more room as long as the drop is missed and no bound on the size stands against it.
  const bool free = !std::isfinite(byte_bound_) && !std::isfinite(ms_bound_);
  for (int round = 0; round < kBackOffs && !keeps_drop(best->divergence) && free; ++round) {
    const double room = predicted_bytes(best_selection) * 1.15;
    std::vector<size_t> wider = round + 1 < kBackOffs ? search::solve(knapsack(room)).choice : widest;
    if (wider == best_selection) wider = widest;
    if (wider == best_selection) break;
    NBL_TRY(Made made, make(wider));
    best = std::move(made);
    best_selection = std::move(wider);
  }
  std::vector<report::ParetoPoint> found = points();
  double predicted = 0.0;  // on the scale of the points; what was measured is in the report beside them
  for (size_t i = 0; i < table_.size(); ++i) predicted += table_[i].options[best_selection[i]].loss;
  found.push_back({best->bytes, predicted, true});
  blame(*best, best_selection);
  std::printf("chosen: %.1f kB, %.3fx of %.1f kB; on samples held out: loss %.4g [%.4g, %.4g], SQNR %.1f dB",
              best->bytes / 1000.0, best->bytes / original_bytes_, original_bytes_ / 1000.0, best->divergence.loss.mean,
              best->divergence.loss.low, best->divergence.loss.high, best->divergence.sqnr_db());
  if (best->divergence.agreement) {
    const search::DropBound agreement{search::DropBound::Kind::agreement, 0.0};
    std::printf(", %s", search::describe(agreement, best->divergence).c_str());
  }
  if (best->divergence.top1_drop) {
    const search::DropBound top1{search::DropBound::Kind::top1, 0.0};
    std::printf(", %s", search::describe(top1, best->divergence).c_str());
  }
  if (c_.latency) {
    std::printf(", %.3f ms on '%s' (%zu layers measured, network / sum of layers %.2f)", best->ms,
                c_.latency->device_name().c_str(), c_.latency->measured(), ms_scale_);
  }
  std::printf("\n");
  outcome_ = {std::max(best->bytes / byte_bound_, best->ms / ms_bound_), best->divergence.loss.mean};
  std::vector<std::string> missed = std::move(c_.missed);
  c_ = std::move(best->compression);
  c_.missed = std::move(missed);
  c_.report.points = std::move(found);
  c_.report.loss_of_points = oracle_.has_classes() ? "predicted, KL, nats" : "predicted, noise over signal";
  return {};
}

Status search_budget(Compression& c) {
  const search::Budget asked = c.budget;
  const Compression before = c;
  BudgetSearch formats(c);
  NBL_CHECK(formats.run());
  // With --max-macs the user has said what channels are for.
  if (asked.multiply_adds || (!asked.bytes && !asked.milliseconds)) return {};
  BudgetSearch::Outcome best = formats.outcome();
  const bool missed = best.excess > 1.0;
  const std::vector<double> shares = missed ? std::vector<double>{0.85, 0.7, 0.55} : std::vector<double>{0.9};
  for (const double share : shares) {
    Compression candidate = before;
    candidate.budget.multiply_adds = search::Bound{share, true};
    if (Status status = run_from(candidate, Phase::prepare, "prune"); !status) {
      std::printf("channels stay: %s\n", status.error().message.c_str());
      return {};
    }
    candidate.budget = asked;
    BudgetSearch search(candidate);
    NBL_TRY(const double alone, search.float_loss());
    if (!missed && alone > 0.5 * best.loss) {
      std::printf("channels stay: %.0f %% of the multiply-adds alone lose %.3g, all formats together %.3g\n",
                  100.0 * share, alone, best.loss);
      return {};
    }
    NBL_CHECK(search.run());
    const BudgetSearch::Outcome& found = search.outcome();
    const bool better = best.excess > 1.0 ? found.excess < best.excess : found.excess <= 1.0 && found.loss < best.loss;
    if (!better) continue;
    best = found;
    c = std::move(candidate);
    if (best.excess <= 1.0) return {};
  }
  return {};
}

}  // namespace nibble::compress
