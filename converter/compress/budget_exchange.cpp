// Exchanges of formats between layers while the true divergence falls.
#include <algorithm>

#include "converter/compress/budget_search.h"
#include "core/try.h"
#include "media/progress.h"

namespace nibble::compress {

Result<BudgetSearch::Candidate> BudgetSearch::exchange(Candidate best, double bytes, double ms) const {
  std::vector<std::vector<size_t>> tried{best.selection};
  media::Progress progress("exchanges", kExchanges);
  int evaluations = 0;
  for (bool better = true; better && evaluations < kExchanges;) {
    better = false;
    // By predicted gain: one layer wider, with room that is left (then both are the same layer) or that another one
    // gives by getting narrower. Numbers only, as there are as many as pairs of layers.
    struct Move {
      double gain;
      size_t wider, to, narrower, down;
    };
    std::vector<Move> moves;
    const double bytes_now = predicted_bytes(best.selection), ms_now = predicted_ms(best.selection);
    struct Change {
      double loss, bytes, ms;
    };
    const auto change = [&](size_t i, size_t to) -> Change {
      const FormatOption &after = table_[i].options[to], &now = table_[i].options[best.selection[i]];
      return {after.loss - now.loss, after.stored_bytes(coded_) - now.stored_bytes(coded_),
              ms_scale_ * (after.milliseconds - now.milliseconds)};
    };
    const auto consider = [&](const Move& move, const Change& c) {
      if (bytes_now + c.bytes <= bytes && ms_now + c.ms <= ms) moves.push_back(move);
    };
    for (size_t i = 0; i < table_.size(); ++i) {
      for (size_t to = 0; to < best.selection[i]; ++to) {
        const Change one = change(i, to);
        consider({-one.loss, i, to, i, to}, one);
        for (size_t j = 0; j < table_.size(); ++j) {
          for (size_t down = best.selection[j] + 1; j != i && down < table_[j].options.size(); ++down) {
            const Change other = change(j, down);
            const Change both{one.loss + other.loss, one.bytes + other.bytes, one.ms + other.ms};
            consider({-both.loss, i, to, j, down}, both);
          }
        }
      }
    }
    std::stable_sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.gain > b.gain; });
    // The table is only a prior: what it calls a small worsening may be a gain, but not for ever.
    size_t looked_at = 0;
    for (size_t m = 0; m < moves.size() && looked_at < 10 && evaluations < kExchanges; ++m) {
      std::vector<size_t> selection = best.selection;
      selection[moves[m].wider] = moves[m].to;
      selection[moves[m].narrower] = moves[m].down;
      if (std::find(tried.begin(), tried.end(), selection) != tried.end()) continue;
      ++looked_at;
      tried.push_back(selection);
      NBL_TRY(Candidate candidate, measured(std::move(selection)));
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
