#include "nibble/tune.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"
#include "runtime/random_inputs.h"
#include "runtime/tune_search.h"

namespace nibble {
namespace {

constexpr double kLastPart = 0.15;  // of the time limit: the whole network, before and after
constexpr double kSlower = 1.02;    // the whole network may not become slower by more than noise
constexpr int kMostPairs = 15, kLeastPairs = 3;
// A problem may take this many times its share of the time that is left: what stays over goes to the next ones.
constexpr double kGenerous = 3;

struct Entry {
  const ProblemFound* found = nullptr;
  size_t first_step = 0, steps = 0;
  double ns = 0;  // of all its steps in a run
};

// The problems of the plan, those with the most time first.
std::vector<Entry> entries_of(const StepTrials& trials, const std::vector<double>& ns) {
  std::map<std::string, Entry> by_problem;
  for (size_t i = 0; i < trials.plan().steps.size(); ++i) {
    const std::string& problem = trials.plan().steps[i].problem;
    if (problem.empty()) continue;
    Entry& entry = by_problem[problem];
    if (entry.steps++ == 0) {
      entry.found = &trials.problems().at(problem);
      entry.first_step = i;
    }
    entry.ns += ns[i];
  }
  std::vector<Entry> entries;
  for (const auto& [problem, entry] : by_problem) entries.push_back(entry);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.ns > b.ns; });
  return entries;
}

// One of the two sessions of the last comparison.
struct Contender {
  std::unique_ptr<BoundSession> bound;
  gpu::CommandList commands;
  std::vector<double> ns;

  static Result<Contender> create(const Device& device, const Model& model, const DimBindings& dims,
                                  const Choices* choices) {
    NBL_TRY(auto bound, BoundSession::create(device.state(), *model.state(), {}, {}, dims, {choices}));
    NBL_CHECK(fill_with_random_numbers(*bound, 1));
    NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device.state()->gpu, "tuning: whole network"));
    NBL_CHECK(commands.begin());
    record_steps(commands, bound->plan, bound->resources());
    NBL_CHECK(commands.finish());
    return Contender{std::move(bound), std::move(commands), {}};
  }
  Result<double> run() {
    const TuneClock::Clock::time_point start = TuneClock::Clock::now();
    NBL_CHECK(commands.submit());
    NBL_TRY([[maybe_unused]] const bool done, commands.wait(UINT64_MAX));
    return std::chrono::duration<double, std::nano>(TuneClock::Clock::now() - start).count();
  }
};

Status compare(const Device& device, const Model& model, const DimBindings& dims, const Choices& choices,
               const TuneClock& clock, TuneReport& report) {
  NBL_TRY(Contender untuned, Contender::create(device, model, dims, nullptr));
  NBL_TRY(Contender tuned, Contender::create(device, model, dims, &choices));
  for (Contender* contender : {&untuned, &tuned}) NBL_CHECK(contender->run());
  std::vector<double> ratios;
  for (int i = 0; i < kMostPairs && (i < kLeastPairs || !clock.over()); ++i) {
    for (Contender* contender : i % 2 == 0 ? std::array{&untuned, &tuned} : std::array{&tuned, &untuned}) {
      NBL_TRY(const double ns, contender->run());
      contender->ns.push_back(ns);
    }
    ratios.push_back(tuned.ns.back() / untuned.ns.back());
  }
  report.untuned_ms = median(untuned.ns) / 1e6;
  report.tuned_ms = median(tuned.ns) / 1e6;
  report.ratio = median(ratios);
  report.kept = report.ratio <= kSlower;
  return {};
}

}  // namespace

Result<TuneReport> tune(const Device& device, const Model& model, const TuneOptions& options) {
  NBL_CHECK(device.state()->check_open());
  const TuneClock clock(options.time_limit);
  const TuneClock measuring(std::chrono::duration<double>(options.time_limit) * (1 - kLastPart));
  TuneReport report;
  const std::shared_ptr<const Choices> known = device.state()->tuning.choices();
  Choices found;
  {
    NBL_TRY(const auto trials, StepTrials::create(device, model, options.dims));
    NBL_TRY(const std::vector<double> profile, trials->profile(measuring));
    std::vector<Entry> entries = entries_of(*trials, profile);
    report.problems = entries.size();
    if (!options.again) {
      const auto is_known = [&](const Entry& entry) {
        const Choice* choice = known->find(entry.found->problem.text);
        return choice && row_of(*choice, entry.found->problem, trials->caps()) >= 0;
      };
      report.known = static_cast<size_t>(std::erase_if(entries, is_known));
    }
    FormerTrials former;
    double left_ns = 0;
    for (const Entry& entry : entries) left_ns += entry.ns;
    for (size_t i = 0; i < entries.size(); ++i) {
      const Entry& entry = entries[i];
      const std::string& label = trials->plan().steps[entry.first_step].label;
      if (options.progress) options.progress({i, entries.size(), clock.seconds(), label});
      const double share = left_ns > 0 ? std::min(1.0, kGenerous * entry.ns / left_ns) : 1.0;
      left_ns -= entry.ns;
      if (measuring.over()) {
        report.not_reached = entries.size() - i;
        break;
      }
      NBL_TRY(const SearchResult result,
              search(*trials, *entry.found, measuring.part(measuring.left() * share), former));
      // A search that was cut short has a result too, but the rule's choice is no finding then.
      if (result.complete || !(result.best == entry.found->rule)) found.set(entry.found->problem.text, result.best);
      if (!result.complete) ++report.not_reached;
      report.steps.push_back({label, entry.found->problem.text, entry.steps, to_string(entry.found->rule),
                              to_string(result.best), result.rule_ns / 1e3, result.best_ns / 1e3, result.tried});
    }
    if (options.progress) options.progress({entries.size(), entries.size(), clock.seconds(), {}});
  }
  if (found.size() > 0) {
    Choices all = *known;
    for (const auto& [problem, choice] : found.entries()) all.set(problem, choice);
    NBL_CHECK(compare(device, model, options.dims, all, clock, report));
    if (report.kept) NBL_CHECK(device.state()->tuning.add(device.state()->gpu, found));
  }
  report.seconds = clock.seconds();
  return report;
}

}  // namespace nibble
