#include "converter/search/knapsack.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace nibble::search {
namespace {

constexpr double kSlack = 1.0 + 1e-12;  // of bounds, for sums in another order

bool within(const Costs& cost, const Costs& bound) {
  for (size_t c = 0; c < kCosts; ++c) {
    if (cost[c] > bound[c] * kSlack) return false;
  }
  return true;
}

Costs sum(const Costs& a, const Costs& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }

struct State {
  double loss = 0.0;
  Costs cost{};
  uint32_t parent = 0;  // in the states of the item before
  uint32_t choice = 0;
};

struct Step {  // what has to be kept of a State to find the way back
  uint32_t parent;
  uint32_t choice;
};

std::vector<size_t> bounded_costs(const Costs& bound) {
  std::vector<size_t> out;
  for (size_t c = 0; c < kCosts; ++c) {
    if (std::isfinite(bound[c])) out.push_back(c);
  }
  return out;
}

// The least of each cost that items i.. can still have.
std::vector<Costs> least_remaining(const Knapsack& k) {
  std::vector<Costs> out(k.items.size() + 1, Costs{});
  for (size_t i = k.items.size(); i-- > 0;) {
    for (size_t c = 0; c < kCosts; ++c) {
      double least = kNoBound;
      for (const Choice& choice : k.items[i]) least = std::min(least, choice.cost[c]);
      out[i][c] = out[i + 1][c] + least;
    }
  }
  return out;
}

// Keeps the state of least loss in each cell of a grid over the bounded costs. `states` are sorted by loss.
void thin(std::vector<State>& states, const std::vector<size_t>& bounded, const Costs& bound) {
  const auto steps = static_cast<size_t>(
      std::floor(std::pow(static_cast<double>(kStates), 1.0 / static_cast<double>(bounded.size())) + 1e-9));
  std::vector<bool> taken(kStates + 1, false);
  std::vector<State> kept;
  for (const State& s : states) {
    size_t cell = 0;
    for (size_t c : bounded) {
      const double share = bound[c] > 0.0 ? s.cost[c] / bound[c] : 0.0;
      cell = cell * steps + std::min(steps - 1, static_cast<size_t>(share * static_cast<double>(steps)));
    }
    if (taken[cell]) continue;
    taken[cell] = true;
    kept.push_back(s);
  }
  states = std::move(kept);
}

// Removes states that another one betters in loss and in every bounded cost. `states` are sorted by loss.
void remove_dominated(std::vector<State>& states, const std::vector<size_t>& bounded) {
  std::vector<State> kept;
  if (bounded.size() <= 1) {
    double least = kNoBound;
    for (const State& s : states) {
      const double cost = bounded.empty() ? 0.0 : s.cost[bounded[0]];
      if (!kept.empty() && cost >= least) continue;
      least = cost;
      kept.push_back(s);
    }
  } else {
    for (const State& s : states) {
      const bool dominated = std::any_of(kept.begin(), kept.end(), [&](const State& k) {
        return std::all_of(bounded.begin(), bounded.end(), [&](size_t c) { return k.cost[c] <= s.cost[c]; });
      });
      if (!dominated) kept.push_back(s);
    }
  }
  states = std::move(kept);
}

// An infeasible selection (empty) where no state is left.
std::vector<size_t> by_states(const Knapsack& k) {
  const std::vector<size_t> bounded = bounded_costs(k.bound);
  const std::vector<Costs> remaining = least_remaining(k);
  std::vector<State> states(1);
  std::vector<std::vector<Step>> steps;
  for (size_t i = 0; i < k.items.size(); ++i) {
    std::vector<State> next;
    for (size_t s = 0; s < states.size(); ++s) {
      for (size_t c = 0; c < k.items[i].size(); ++c) {
        const Choice& choice = k.items[i][c];
        State made{states[s].loss + choice.loss, sum(states[s].cost, choice.cost), static_cast<uint32_t>(s),
                   static_cast<uint32_t>(c)};
        if (within(sum(made.cost, remaining[i + 1]), k.bound)) next.push_back(made);
      }
    }
    // Among equal losses the cheaper first, so that it is the one that survives.
    std::stable_sort(next.begin(), next.end(), [&](const State& a, const State& b) {
      if (a.loss != b.loss) return a.loss < b.loss;
      for (size_t c : bounded) {
        if (a.cost[c] != b.cost[c]) return a.cost[c] < b.cost[c];
      }
      return false;
    });
    if (bounded.size() > 1 && next.size() > kStates) thin(next, bounded, k.bound);
    remove_dominated(next, bounded);
    if (bounded.size() == 1 && next.size() > kStates) thin(next, bounded, k.bound);
    if (next.empty()) return {};
    states = std::move(next);
    std::vector<Step>& way = steps.emplace_back();
    for (const State& s : states) way.push_back({s.parent, s.choice});
  }
  std::vector<size_t> choice(k.items.size());
  uint32_t at = 0;  // sorted by loss: the first is the best
  for (size_t i = k.items.size(); i-- > 0;) {
    choice[i] = steps[i][at].choice;
    at = steps[i][at].parent;
  }
  return choice;
}

// The choice of each item with the least loss + sum of price * cost.
std::vector<size_t> at_prices(const Knapsack& k, const Costs& price) {
  std::vector<size_t> out;
  for (const auto& choices : k.items) {
    size_t best = 0;
    double least = kNoBound;
    for (size_t c = 0; c < choices.size(); ++c) {
      double value = choices[c].loss;
      for (size_t i = 0; i < kCosts; ++i) value += price[i] * choices[c].cost[i];
      if (value < least) least = value, best = c;
    }
    out.push_back(best);
  }
  return out;
}

// Prices by bisection, one bounded cost after the other, a few rounds.
Selection by_prices(const Knapsack& k) {
  const std::vector<size_t> bounded = bounded_costs(k.bound);
  Costs price{};
  Selection best;
  const auto consider = [&](const Costs& p) {
    Selection s = evaluate(k, at_prices(k, p));
    if (s.feasible && (!best.feasible || s.loss < best.loss)) best = s;
    return s;
  };
  consider(price);
  double all = 0.0;
  for (const auto& choices : k.items) {
    for (const Choice& c : choices) all = std::max(all, c.loss);
  }
  all = all * static_cast<double>(k.items.size()) + 1e-30;
  for (int round = 0; round < 3; ++round) {
    for (size_t c : bounded) {
      // A price that is beyond every loss that can be saved for it.
      double low = 0.0, high = 1e6 * all / std::max(k.bound[c], 1e-12);
      for (int step = 0; step < 60; ++step) {
        price[c] = step == 0 ? 0.0 : 0.5 * (low + high);
        const Selection s = consider(price);
        if (s.cost[c] <= k.bound[c] * kSlack) {
          high = price[c];
          if (step == 0) break;
        } else {
          low = price[c];
        }
      }
      price[c] = high == low ? 0.0 : high;
    }
  }
  return best;
}

// Changes one item at a time while that lowers the loss within the bounds.
Selection improved(const Knapsack& k, Selection s) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < k.items.size(); ++i) {
      for (size_t c = 0; c < k.items[i].size(); ++c) {
        if (k.items[i][c].loss >= k.items[i][s.choice[i]].loss) continue;
        std::vector<size_t> choice = s.choice;
        choice[i] = c;
        Selection tried = evaluate(k, std::move(choice));
        if (!tried.feasible || !(tried.loss < s.loss)) continue;
        s = std::move(tried);
        changed = true;
      }
    }
  }
  return s;
}

Selection solve_within(const Knapsack& k) {
  Selection best;
  if (std::vector<size_t> choice = by_states(k); choice.size() == k.items.size()) best = evaluate(k, std::move(choice));
  if (Selection other = by_prices(k); other.feasible && (!best.feasible || other.loss < best.loss)) best = other;
  return best.feasible ? improved(k, std::move(best)) : best;
}

}  // namespace

Selection evaluate(const Knapsack& knapsack, std::vector<size_t> choice) {
  Selection out;
  for (size_t i = 0; i < choice.size(); ++i) {
    out.loss += knapsack.items[i][choice[i]].loss;
    out.cost = sum(out.cost, knapsack.items[i][choice[i]].cost);
  }
  out.choice = std::move(choice);
  out.feasible = within(out.cost, knapsack.bound);
  return out;
}

Selection solve(const Knapsack& knapsack) {
  if (Selection s = solve_within(knapsack); s.feasible) return s;
  // The least common factor on the bounds that lets a selection exist. A bound of 0 cannot be scaled: take a small one.
  Knapsack relaxed = knapsack;
  const auto scaled = [&](double factor) {
    for (size_t c = 0; c < kCosts; ++c) relaxed.bound[c] = std::max(knapsack.bound[c], 1e-9) * factor;
    return solve_within(relaxed);
  };
  double low = 1.0, high = 2.0;
  Selection best = scaled(high);
  while (!best.feasible && high < 1e18) {
    low = high;
    high *= 4.0;
    best = scaled(high);
  }
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    if (Selection s = scaled(middle); s.feasible)
      best = std::move(s), high = middle;
    else
      low = middle;
  }
  best.feasible = false;
  return best;
}

}  // namespace nibble::search
