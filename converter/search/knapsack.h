// The multiple-choice knapsack: one choice an item, least loss within bounds on several costs.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace nibble::search {

// What a compression is bounded by, as indices into Costs.
enum Cost : size_t { kBytes = 0, kMultiplyAdds = 1, kMilliseconds = 2 };
inline constexpr size_t kCosts = 3;
using Costs = std::array<double, kCosts>;  // each 0 or more

inline constexpr double kNoBound = std::numeric_limits<double>::infinity();

struct Choice {
  double loss = 0.0;  // 0 or more; adds up over items
  Costs cost{};       // adds up over items
};

struct Knapsack {
  std::vector<std::vector<Choice>> items;  // at least one choice each
  Costs bound{kNoBound, kNoBound, kNoBound};
};

struct Selection {
  std::vector<size_t> choice;  // by item
  double loss = 0.0;
  Costs cost{};
  bool feasible = false;
};

Selection evaluate(const Knapsack& knapsack, std::vector<size_t> choice);

// Dynamic programming over the items with dominated states removed (Nemhauser and Ullmann, 1969): exact while fewer
// than kStates states survive an item, which holds for a dozen items with a dozen choices and one bound. Beyond that
// the best state of each cell of a grid over the bounded costs survives; costs stay exact, so that bounds hold always,
// and what a Lagrangian relaxation finds (Everett, 1963) is taken where it is better, then improved by single
// exchanges. Where no selection keeps the bounds, the result is not feasible and exceeds them by the least common
// factor, within 0.1 %. Deterministic. No items: an empty selection.
inline constexpr size_t kStates = 4096;
Selection solve(const Knapsack& knapsack);

}  // namespace nibble::search
