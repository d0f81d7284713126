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
constexpr double kFarOff = 2;       // dropped after the first
constexpr int kScreenRounds = 5;
constexpr int kPairs = 11;
constexpr double kLongNs = 2e7;  // steps so long that fewer measurements will do
constexpr int kMostMoves = 5;
// After so many problems at which a row, or a tile of a row, was behind by so much, it is not tried any more.
constexpr int kRowProblems = 2, kTileProblems = 3;
constexpr double kTileBehind = 1.1;

bool by_time(const std::unique_ptr<Trial>& a, const std::unique_ptr<Trial>& b) { return a->least() < b->least(); }

// The window, which problem_text() in kernels/conv_step.cpp writes behind the sizes: " k3x3 s1x1".
std::string alike(const StepProblem& problem, const std::string& candidate) {
  const size_t window = problem.text.find(" k"), end = problem.text.find(" d");
  return window < end ? candidate + problem.text.substr(window, end - window) : candidate;
}

class Search {
 public:
  Search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock, FormerTrials& former)
      : trials_(trials), found_(problem), clock_(clock), former_(former) {}

  Result<SearchResult> run() {
    NBL_CHECK(try_rows());
    NBL_CHECK(try_sizes());
    NBL_CHECK(try_groups());
    SearchResult result;
    result.tried = seen_.size();
    result.best = found_.rule;
    tell();
    NBL_CHECK(duel(result));
    result.complete = !clock_.over();
    return result;
  }

 private:
  // Adds what has not been tried and measures it beside the best so far. Sorted by time afterwards.
  Status screen(std::vector<Choice> choices) {
    std::erase_if(choices, [&](const Choice& c) {
      const bool seen = std::find(seen_.begin(), seen_.end(), c) != seen_.end();
      return seen || (c != found_.rule && former_.hopeless(found_.problem, c));
    });
    if (choices.empty()) return {};
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
      const double most = best * (round > 0 ? kBehind : kFarOff);
      std::erase_if(alive, [&](const Trial* t) { return t->least() > most; });
      if (alive.size() == 1) break;
      if (best > kLongNs && round >= 1) break;
    }
    std::stable_sort(all_.begin(), all_.end(), by_time);
    return {};
  }

  Status try_rows() {
    std::vector<Choice> choices{found_.rule};
    for (const std::string& row : candidate_rows(found_.problem, trials_.caps())) {
      if (row == found_.rule.kernel || former_.hopeless_row(found_.problem, row)) continue;
      choices.push_back({row, first_tile(found_, row, trials_.caps())});
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
      for (const ConvTile& tile : neighbours(seen_by(at.kernel, found_.problem), trials_.caps(), at.tile)) {
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

  void tell() const {
    std::map<std::string, double> rows;
    for (const auto& trial : all_) {
      if (trial->ns.empty()) continue;
      const double ratio = trial->least() / all_.front()->least();
      former_.add(found_.problem, trial->choice, ratio);
      rows.try_emplace(trial->choice.kernel, ratio);  // the first is its best
    }
    for (const auto& [kernel, ratio] : rows) former_.add_row(found_.problem, kernel, ratio);
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
    int lost = 0;
    for (int i = 0; i < kPairs && !clock_.over(); ++i) {
      NBL_CHECK(trials_.measure({&rule, &best}, i % 2 != 0));
      lost += rule.ns.back() <= best.ns.back();
      if (lost > kPairs * (1 - kWonPairs)) break;  // it cannot win any more
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
  FormerTrials& former_;
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

void FormerTrials::Record::add(double ratio) {
  least = problems == 0 ? ratio : std::min(least, ratio);
  ++problems;
}

bool FormerTrials::behind(const std::string& key, int problems, double ratio) const {
  const auto found = records_.find(key);
  return found != records_.end() && found->second.problems >= problems && found->second.least > ratio;
}

void FormerTrials::add(const StepProblem& problem, const Choice& choice, double ratio) {
  records_[alike(problem, to_string(choice))].add(ratio);
}

void FormerTrials::add_row(const StepProblem& problem, const std::string& kernel, double ratio) {
  records_[alike(problem, kernel)].add(ratio);
}

bool FormerTrials::hopeless(const StepProblem& problem, const Choice& choice) const {
  return behind(alike(problem, to_string(choice)), kTileProblems, kTileBehind);
}

bool FormerTrials::hopeless_row(const StepProblem& problem, const std::string& kernel) const {
  return behind(alike(problem, kernel), kRowProblems, kFarBehind);
}

Result<SearchResult> search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock,
                            FormerTrials& former) {
  return Search(trials, problem, clock, former).run();
}

}  // namespace nibble
