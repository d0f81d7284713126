// Spends a budget: chooses each layer's format so that the file keeps the bounds and diverges least.
#pragma once

#include <functional>

#include "converter/compress/loss_table.h"
#include "converter/search/knapsack.h"

namespace nibble::compress {

// How converter/search/README.md tells it: a table of losses and costs, the knapsack, exchanges on the true divergence,
// then the whole chain, whose file is measured. Leaves in `c` the best that was found, after the stages of `change` and
// `quantize`, and a line in c.missed for every bound that it does not keep.
class BudgetSearch {
 public:
  explicit BudgetSearch(Compression& c) : c_(c) {}
  Status run();

  // Of what run() found.
  struct Outcome {
    double excess = 0.0;  // the largest of size and time over its bound; 0 without
    double loss = 0.0;    // on the held-out samples
  };
  const Outcome& outcome() const { return outcome_; }

  // The loss of c.graph as it stands, in float.
  Result<double> float_loss();

 private:
  static constexpr int kExchanges = 40;  // evaluations of the true divergence in the local search
  static constexpr int kBackOffs = 5;    // the last one to the widest formats
  static constexpr int kFitRounds = 6;   // corrections of the models of size and time

  // A selection of formats, and what is known of it.
  struct Candidate {
    std::vector<size_t> selection;
    double bytes = 0.0;  // of a file
    double loss = 0.0;   // the true divergence on the held-out samples, simulated
    search::Divergence divergence;
  };

  Status make_oracle();
  Status prepare();
  search::Knapsack knapsack(double bytes, double ms = search::kNoBound) const;
  double predicted_bytes(const std::vector<size_t>& selection) const;
  quantization::Options format_of(const std::vector<size_t>& selection, bool with_rounding) const;
  Result<double> file_bytes(const std::vector<size_t>& selection) const;
  Result<Candidate> measured(std::vector<size_t> selection) const;

  // Times of every layer in every format, from the table or measured.
  Status add_times();
  double predicted_ms(const std::vector<size_t>& selection) const;
  Result<search::NetworkTime> network_time(const Graph& quantized, search::LayerTimer::Look look) const;

  // The selection of least predicted loss whose file really has at most `bytes` and really takes at most `ms`;
  // otherwise the one that exceeds them least. Corrects the models of size and time by what it measures.
  Result<std::vector<size_t>> fit(double bytes, double ms);
  // Makes one layer wider, and another narrower for it, while the true divergence falls and the predictions stay within
  // the bounds.
  Result<Candidate> exchange(Candidate start, double bytes, double ms) const;
  // The smallest selection that keeps the bound on the drop, by the simulation.
  Result<std::vector<size_t>> smallest_within_drop();
  Result<Candidate> choose(double bytes, double ms);
  // The whole chain with these formats.
  struct Made {
    Compression compression;
    double bytes = 0.0;
    search::NetworkTime time;  // of the whole network on the device; zeros without one
    search::Divergence divergence;
  };
  Result<Made> make(const std::vector<size_t>& selection) const;

  // Whether entropy coding may be chosen: not where it was refused.
  bool may_code() const { return c_.options.entropy_code || !c_.options.given.contains("no-entropy-code"); }
  bool keeps_drop(const search::Divergence& divergence) const;
  // Eight sizes between the narrowest and the widest formats; printed too.
  std::vector<report::ParetoPoint> points() const;
  void blame(const Made& made, const std::vector<size_t>& selection);

  Compression& c_;
  search::DivergenceOracle oracle_;
  std::vector<LayerOptions> table_;
  std::optional<search::DropBound> drop_;
  double original_bytes_ = 0.0;
  double byte_bound_ = search::kNoBound;
  double overhead_ = 0.0;  // of a file, beyond what the table knows
  double ms_bound_ = search::kNoBound;
  double fixed_ms_ = 0.0;  // of nodes without a choice
  double ms_scale_ = 1.0;  // of the whole network over the sum of its layers
  DimBindings timed_dims_;
  bool coded_ = false;
  Outcome outcome_;
};

// All that a budget asks for beyond --max-macs, which the prune stage sees to: formats by BudgetSearch; where bounds on
// size or time are missed, or the formats that keep them lose more than channels would, channels as well.
Status search_budget(Compression& c);

}  // namespace nibble::compress
