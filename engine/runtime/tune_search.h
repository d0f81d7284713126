// The search for the fastest choice of one problem.
#pragma once

#include <map>
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

// What former searches of a call say about a candidate: most of the time goes into compiling those that never win.
// Layers are alike where the kernel and the window are; the tile counts with its workgroup.
class FormerTrials {
 public:
  // `ratio`: its time to that of the problem's best candidate; of a row with its best tile. Once for each problem.
  void add(const StepProblem& problem, const Choice& choice, double ratio);
  void add_row(const StepProblem& problem, const std::string& kernel, double ratio);
  // Behind at every one of several problems.
  bool hopeless(const StepProblem& problem, const Choice& choice) const;
  bool hopeless_row(const StepProblem& problem, const std::string& kernel) const;

 private:
  struct Record {
    int problems = 0;
    double least = 0;  // ratio
    void add(double ratio);
  };
  bool behind(const std::string& key, int problems, double ratio) const;
  std::map<std::string, Record> records_;
};

// Rows first, then from the tile of each row that is not far behind to better neighbours; among what is compared,
// whatever falls behind is dropped early. What is left over must beat the rule's choice in most of a series of pairs
// and by a margin, so that a noisy machine does not make choices. What `former` holds for hopeless is left out, and
// what this search measured is added to it.
Result<SearchResult> search(StepTrials& trials, const ProblemFound& problem, const TuneClock& clock,
                            FormerTrials& former);

// Whether `challenger` is clearly faster, from measurements taken in pairs.
bool wins(const std::vector<double>& rule, const std::vector<double>& challenger);

}  // namespace nibble
