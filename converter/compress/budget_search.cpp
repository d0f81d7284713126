#include "converter/compress/budget_search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "converter/compress/file_bytes.h"
#include "converter/compress/stages.h"
#include "converter/search/simulate.h"
#include "core/text.h"
#include "core/try.h"
#include "graph/cost.h"

namespace nibble::compress {

Result<double> BudgetSearch::float_loss() {
  NBL_CHECK(make_oracle());
  SampleRuns runs(c_.graph, *c_.held_out, c_.make_executor);
  NBL_TRY(const search::Divergence d, oracle_.measure([&](size_t i) { return runs.run(i, {}); }));
  return d.loss.mean;
}

Result<BudgetSearch::Candidate> BudgetSearch::measured(std::vector<size_t> selection) const {
  Candidate out;
  NBL_TRY(out.divergence, simulated_divergence(c_, format_of(selection, true), oracle_));
  out.loss = out.divergence.loss.mean;
  out.bytes = predicted_bytes(selection);
  out.selection = std::move(selection);
  return out;
}

bool BudgetSearch::keeps_drop(const search::Divergence& divergence) const {
  return !drop_ || search::figure(*drop_, divergence).mean <= search::limit(*drop_) + 1e-9;
}

Result<std::vector<size_t>> BudgetSearch::smallest_within_drop() {
  std::vector<size_t> widest(table_.size(), 0), narrowest;
  for (const LayerOptions& layer : table_) narrowest.push_back(layer.options.size() - 1);
  coded_ = may_code();
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
  Made out{c_, 0.0, {}, {}};
  out.compression.ranges.clear();
  out.compression.options.entropy_code = coded_;
  apply_selection(table_, selection, false, out.compression.format);
  NBL_CHECK(compress::run(out.compression, Phase::change));
  NBL_TRY(out.divergence, simulated_divergence(out.compression, out.compression.format, oracle_));
  NBL_CHECK(compress::run(out.compression, Phase::quantize));
  NBL_TRY(out.bytes, file_bytes_of(out.compression.graph, coded_));
  if (c_.latency) {
    NBL_TRY(out.time, network_time(out.compression.graph, search::LayerTimer::Look::long_look));
  }
  return out;
}

Status BudgetSearch::run() {
  NBL_CHECK(prepare());
  coded_ = c_.options.entropy_code;
  const std::vector<size_t> widest(table_.size(), 0);
  if (std::isfinite(byte_bound_) && !coded_ && may_code()) {
    // Coding loses nothing but the time to expand it at load: used as soon as the widest formats do not fit without.
    NBL_TRY(const double bytes, file_bytes(widest));
    coded_ = bytes > byte_bound_;
  }
  double bytes = byte_bound_, ms = ms_bound_, least = search::kNoBound;
  std::optional<Made> best;
  std::vector<size_t> best_selection;
  for (int round = 0; round < 3; ++round) {
    NBL_TRY(const Candidate candidate, choose(bytes, ms));
    if (best && candidate.selection == best_selection && !std::isfinite(byte_bound_)) break;
    NBL_TRY(Made made, make(candidate.selection));
    const double over = std::max(made.bytes / byte_bound_, made.time.median / ms_bound_);  // 0 without bounds
    const double too_many = made.bytes - byte_bound_, too_slow = made.time.median / ms_bound_;
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
  std::string time;
  if (c_.latency) {
    time = format("%.3f ms on '%s' (quartiles %.3f to %.3f of %zu runs; %.3f ms of processor time)", best->time.median,
                  c_.latency->device_name().c_str(), best->time.low, best->time.high, best->time.runs,
                  best->time.processor);
    std::printf(", %s; %zu layers measured, network / sum of layers %.2f", time.c_str(), c_.latency->measured(),
                ms_scale_);
  }
  std::printf("\n");
  outcome_ = {std::max(best->bytes / byte_bound_, best->time.median / ms_bound_), best->divergence.loss.mean};
  std::vector<std::string> missed = std::move(c_.missed);
  c_ = std::move(best->compression);
  c_.missed = std::move(missed);
  if (!time.empty()) c_.report.notes.push_back({"time of a run", time});
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
  if (!c.options.stats.empty()) return {};  // they are of the network with all of its channels
  BudgetSearch::Outcome best = formats.outcome();
  const bool missed = best.excess > 1.0;
  const std::vector<double> shares = missed ? std::vector<double>{0.85, 0.7, 0.55} : std::vector<double>{0.9};
  for (const double share : shares) {
    Compression candidate = before;
    candidate.graph = before.unscaled;  // a plan prunes first and equalises then
    candidate.budget.multiply_adds = search::Bound{share, true};
    if (Status status = run_from(candidate, Phase::prepare, "prune"); !status) {
      std::printf("channels stay: %s\n", status.error().message.c_str());
      return {};
    }
    candidate.budget = asked;
    const bool fewest =
        static_cast<double>(multiply_adds(candidate.graph)) > share * static_cast<double>(multiply_adds(c.original));
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
    if (better) best = found, c = std::move(candidate);
    if ((better && best.excess <= 1.0) || fewest) return {};
  }
  return {};
}

}  // namespace nibble::compress
