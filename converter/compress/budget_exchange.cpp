// Exchanges of formats between layers while the true divergence falls.
#include <algorithm>

#include "converter/compress/budget_search.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {

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

}  // namespace nibble::compress
