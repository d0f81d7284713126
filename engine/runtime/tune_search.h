// The search for the fastest choice of one problem.
#pragma once

#include <string>

#include "runtime/step_trials.h"

namespace nibble {

struct SearchResult {
  Choice best;         // the rule's, unless another one won clearly
  double rule_ns = 0;  // medians of the last measurements in turns
  double best_ns = 0;
  size_t tried = 0;
  bool complete = false;  // the clock did not end it
};

// Rows first, then from the tile of each row that is not far behind to better neighbours; among what is compared,
// whatever falls behind is dropped early. What is left over must beat the rule's choice in most of a series of pairs
// and by a margin, so that a noisy machine does not make choices.
Result<SearchResult> search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock);

// Whether `challenger` is clearly faster, from measurements taken in pairs.
bool wins(const std::vector<double>& rule, const std::vector<double>& challenger);

}  // namespace nibble
