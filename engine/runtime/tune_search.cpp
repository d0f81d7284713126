#include "runtime/tune_search.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"

namespace nibble {
namespace {

constexpr double kFarBehind = 1.4;  // rows this much slower at the rule's tile are not tried at others
constexpr double kBehind = 1.25;    // dropped between the rounds of a screening
constexpr double kMargin = 1.03;    // by which the rule's choice must be beaten
constexpr double kWonPairs = 0.7;   // in this share of the pairs
constexpr int kScreenRounds = 6;
constexpr int kPairs = 11;
constexpr double kLongNs = 2e7;  // steps so long that fewer measurements will do
constexpr int kMostMoves = 5;

bool by_time(const std::unique_ptr<Trial>& a, const std::unique_ptr<Trial>& b) { return a->least() < b->least(); }

class Search {
 public:
  Search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock)
      : trials_(trials), found_(problem), clock_(clock) {}

  Result<SearchResult> run() {
    NBL_CHECK(try_rows());
    NBL_CHECK(try_sizes());
    NBL_CHECK(try_groups());
    SearchResult result;
    result.tried = seen_.size();
    result.best = found_.rule;
    NBL_CHECK(duel(result));
    result.complete = !clock_.over();
    return result;
  }

 private:
  // Adds what has not been tried and measures it beside the best so far. Sorted by time afterwards.
  Status screen(std::vector<Choice> choices) {
    std::erase_if(choices, [&](const Choice& c) { return std::find(seen_.begin(), seen_.end(), c) != seen_.end(); });
    NBL_TRY(auto more, trials_.make(found_.problem.text, choices, clock_));
    std::vector<Trial*> alive;
    if (!all_.empty()) alive.push_back(all_.front().get());
    for (auto& trial : more) {
      seen_.push_back(trial->choice);
      alive.push_back(trial.get());
      all_.push_back(std::move(trial));
    }
    for (int round = 0; round < kScreenRounds && !clock_.over(); ++round) {
      NBL_CHECK(trials_.measure(alive, round % 2 != 0));
      double best = INFINITY;
      for (const Trial* trial : alive) best = std::min(best, trial->least());
      if (round > 0) std::erase_if(alive, [&](const Trial* t) { return t->least() > best * kBehind; });
      if (best > kLongNs && round >= 1) break;
    }
    std::stable_sort(all_.begin(), all_.end(), by_time);
    return {};
  }

  Status try_rows() {
    std::vector<Choice> choices{found_.rule};
    for (const std::string& row : candidate_rows(found_.problem, trials_.caps())) {
      if (row != found_.rule.kernel) choices.push_back({row, tile_for(row, found_.rule.tile, trials_.caps())});
    }
    return screen(std::move(choices));
  }

  // From the best of each row that is not far behind to better neighbours, as long as there are any.
  Status try_sizes() {
    std::vector<Choice> starts;
    for (const auto& trial : all_) {
      if (trial->least() <= all_.front()->least() * kFarBehind) starts.push_back(trial->choice);
    }
    for (const Choice& start : starts) NBL_CHECK(climb(start, neighbouring_sizes));
    return {};
  }

  Status try_groups() { return climb(all_.empty() ? found_.rule : all_.front()->choice, neighbouring_groups); }

  template <class Neighbours>
  Status climb(Choice at, const Neighbours& neighbours) {
    for (int move = 0; move < kMostMoves && !clock_.over(); ++move) {
      std::vector<Choice> choices;
      for (const ConvTile& tile : neighbours(found_.problem, trials_.caps(), at.tile)) {
        choices.push_back({at.kernel, tile_for(at.kernel, tile, trials_.caps())});
      }
      NBL_CHECK(screen(std::move(choices)));
      const auto best =
          std::find_if(all_.begin(), all_.end(), [&](const auto& trial) { return trial->choice.kernel == at.kernel; });
      if (best == all_.end() || (*best)->choice == at) break;
      at = (*best)->choice;
    }
    return {};
  }

  // The best against the rule's choice.
  Status duel(SearchResult& result) {
    const auto of_rule =
        std::find_if(all_.begin(), all_.end(), [&](const auto& trial) { return trial->choice == found_.rule; });
    if (of_rule == all_.end() || (*of_rule)->ns.empty()) return {};
    Trial& rule = **of_rule;
    Trial& best = *all_.front();
    result.rule_ns = result.best_ns = rule.least();
    if (&rule == &best || clock_.over()) return {};
    rule.ns.clear();
    best.ns.clear();
    for (int i = 0; i < kPairs && !clock_.over(); ++i) {
      NBL_CHECK(trials_.measure({&rule, &best}, i % 2 != 0));
      if (i >= 4 && rule.least() > kLongNs) break;
    }
    result.rule_ns = result.best_ns = median(rule.ns);
    if (!wins(rule.ns, best.ns)) return {};
    result.best = best.choice;
    result.best_ns = median(best.ns);
    return {};
  }

  StepTrials& trials_;
  const ProblemFound& found_;
  const TuneClock& clock_;
  std::vector<std::unique_ptr<Trial>> all_;
  std::vector<Choice> seen_;
};

}  // namespace

bool wins(const std::vector<double>& rule, const std::vector<double>& challenger) {
  constexpr size_t kLeastPairs = 3;
  const size_t pairs = std::min(rule.size(), challenger.size());
  if (pairs < kLeastPairs) return false;
  std::vector<double> ratios;
  size_t won = 0;
  for (size_t i = 0; i < pairs; ++i) {
    ratios.push_back(rule[i] / std::max(challenger[i], 1.0));
    won += rule[i] > challenger[i];
  }
  return median(ratios) >= kMargin && static_cast<double>(won) >= kWonPairs * static_cast<double>(pairs);
}

Result<SearchResult> search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock) {
  return Search(trials, problem, clock).run();
}

}  // namespace nibble
