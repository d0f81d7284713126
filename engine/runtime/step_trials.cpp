#include "runtime/step_trials.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "core/try.h"
#include "runtime/random_inputs.h"

namespace nibble {
namespace {

// Device time of one measurement: long against the clock's steps and the cost of a submission.
constexpr double kWantedNs = 1.5e6;
constexpr uint32_t kMostRepeats = 64;
constexpr int kProfileRuns = 5;

using HostClock = std::chrono::steady_clock;

double ns_since(HostClock::time_point start) {
  return std::chrono::duration<double, std::nano>(HostClock::now() - start).count();
}

Status run_and_wait(gpu::CommandList& commands) {
  NBL_CHECK(commands.submit());
  NBL_TRY([[maybe_unused]] const bool done, commands.wait(UINT64_MAX));
  return {};
}

bool same_buffers(const std::vector<PlanBuffer>& a, const std::vector<PlanBuffer>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const PlanBuffer& x, const PlanBuffer& y) {
    return x.kind == y.kind && x.bytes == y.bytes && x.tensor == y.tensor && x.blob == y.blob && x.table == y.table;
  });
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double Trial::least() const { return ns.empty() ? INFINITY : *std::min_element(ns.begin(), ns.end()); }

Result<std::unique_ptr<StepTrials>> StepTrials::create(const Device& device, const Model& model,
                                                       const DimBindings& dims) {
  std::unique_ptr<StepTrials> trials(new StepTrials(device, model));
  SessionOptions options;
  options.profile = true;
  options.keep_all = true;
  auto bound = BoundSession::create(device.state(), *model.state(), options, {}, dims, {});
  if (!bound && bound.error().code == Code::out_of_memory) {
    options.keep_all = false;
    bound = BoundSession::create(device.state(), *model.state(), options, {}, dims, {});
  }
  NBL_TRY(trials->bound_, std::move(bound));
  BoundSession& all = *trials->bound_;
  if (!options.keep_all) trials->fusion_ = fuse(all.plan.graph);
  NBL_TRY([[maybe_unused]] const LoweredPlan lowered,
          Lowering(all.plan.graph, device.state()->caps(), {}, {nullptr, &trials->problems_}, trials->fusion_).run());
  if (lowered.steps.size() != all.plan.steps.size()) return Error{Code::internal, "a plan changed on its way"};
  for (size_t i = 0; i < lowered.steps.size(); ++i) all.plan.steps[i].problem = lowered.steps[i].problem;
  NBL_CHECK(fill_with_random_numbers(all, 1));
  NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device.state()->gpu, "tuning: first run"));
  NBL_CHECK(commands.begin());
  record_steps(commands, all.plan, all.resources());
  NBL_CHECK(commands.finish());
  NBL_CHECK(run_and_wait(commands));
  return trials;
}

Result<std::vector<double>> StepTrials::profile(const TuneClock& clock) {
  const size_t count = plan().steps.size();
  std::vector<std::vector<double>> all(count);
  if (!bound_->timer.handle()) {
    for (size_t i = 0; i < count; ++i) {
      NBL_TRY(Trial trial, prepare({}, {plan().steps[i]}));
      NBL_TRY(const double ns, run(trial));
      all[i].push_back(ns);
    }
  } else {
    NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device_.state()->gpu, "tuning: profile"));
    NBL_CHECK(commands.begin());
    record_steps(commands, plan(), bound_->resources());
    NBL_CHECK(commands.finish());
    for (int round = 0; round < kProfileRuns && (round == 0 || !clock.over()); ++round) {
      NBL_CHECK(run_and_wait(commands));
      NBL_TRY(const auto times, bound_->timer.read());
      for (size_t i = 0; i < count; ++i) {
        const uint64_t begin = times[i].value_or(0), end = times[i + 1].value_or(begin);
        all[i].push_back(static_cast<double>(end > begin ? end - begin : 0));
      }
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& times : all) medians.push_back(median(times));
  return medians;
}

Result<std::vector<Step>> StepTrials::steps_of(const std::string& problem, const Choice& choice) const {
  Choices choices;
  choices.set(problem, choice);
  NBL_TRY(const LoweredPlan lowered, Lowering(plan().graph, caps(), {}, {&choices, nullptr}, fusion_).run());
  std::vector<Step> steps;
  if (!same_buffers(lowered.buffers, plan().buffers)) return steps;
  for (const Step& step : lowered.steps) {
    // Without `tuned` the choice did not fit and these are the steps of the rule.
    if (step.tuned && step.problem == problem && (steps.empty() || steps.front().origin == step.origin))
      steps.push_back(step);
  }
  return steps;
}

Result<std::vector<std::unique_ptr<Trial>>> StepTrials::make(const std::string& problem,
                                                             const std::vector<Choice>& choices,
                                                             const TuneClock& clock) {
  // A few at a time: what is being compiled cannot be interrupted.
  const size_t batch = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
  std::vector<std::unique_ptr<Trial>> trials;
  for (size_t begin = 0; begin < choices.size() && !clock.over(); begin += batch) {
    std::vector<Step> all;
    std::vector<std::pair<Choice, std::vector<Step>>> ways;
    for (size_t i = begin; i < std::min(begin + batch, choices.size()); ++i) {
      NBL_TRY(std::vector<Step> steps, steps_of(problem, choices[i]));
      if (steps.empty()) continue;
      all.insert(all.end(), steps.begin(), steps.end());
      ways.emplace_back(choices[i], std::move(steps));
    }
    NBL_CHECK(compile(all));
    for (auto& [choice, steps] : ways) {
      NBL_TRY(Trial trial, prepare(choice, std::move(steps)));
      trials.push_back(std::make_unique<Trial>(std::move(trial)));
    }
  }
  return trials;
}

// What the session has is not compiled once more.
Status StepTrials::compile(const std::vector<Step>& steps) {
  std::vector<Step> missing;
  for (const Step& step : steps) {
    if (!device_.state()->pipelines.find(step)) missing.push_back(step);
  }
  NBL_TRY([[maybe_unused]] const auto compiled, pipelines_.get(device_.state()->gpu, missing));
  return {};
}

Result<Trial> StepTrials::prepare(const Choice& choice, std::vector<Step> steps) {
  const gpu::Device& device = device_.state()->gpu;
  NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device, "tuning: trial"));
  NBL_TRY(gpu::Timer timer, gpu::Timer::create(device, caps().has(gpu::Caps::timestamps) ? 2 : 0));
  Trial trial{choice, std::move(steps), {}, std::move(commands), std::move(timer), 1, {}};
  for (const Step& step : trial.steps) {
    const gpu::Pipeline* known = device_.state()->pipelines.find(step);
    if (!known) {
      NBL_TRY(const auto own, pipelines_.get(device, std::span(&step, 1)));
      known = own.front();
    }
    trial.pipelines.push_back(known);
  }
  // The first run is slower than the others and only says how often to repeat.
  NBL_CHECK(record(trial, 1));
  NBL_TRY(const double ns, run(trial));
  const auto repeats = static_cast<uint32_t>(std::clamp(kWantedNs / std::max(ns, 1.0), 1.0, double{kMostRepeats}));
  NBL_CHECK(record(trial, repeats));
  return trial;
}

Status StepTrials::record(Trial& trial, uint32_t repeats) {
  gpu::CommandList& commands = trial.commands;
  trial.repeats = repeats;
  NBL_CHECK(commands.begin());
  commands.barrier(gpu::compute, gpu::compute);
  if (trial.timer.handle()) {
    commands.reset(trial.timer);
    commands.timestamp(trial.timer, 0);
  }
  std::array<gpu::BufferRange, gpu::kMaxBindings> ranges;
  for (uint32_t repeat = 0; repeat < repeats; ++repeat) {
    for (size_t i = 0; i < trial.steps.size(); ++i) {
      const Step& step = trial.steps[i];
      for (size_t b = 0; b < step.bindings.size(); ++b) {
        ranges[b] = bound_->ranges[static_cast<size_t>(step.bindings[b].buffer)];
      }
      commands.bind(*trial.pipelines[i], std::span(ranges).first(step.bindings.size()));
      commands.push(std::as_bytes(std::span(step.push)));
      commands.dispatch(step.groups[0], step.groups[1], step.groups[2]);
      commands.barrier(gpu::compute, gpu::compute);
    }
  }
  if (trial.timer.handle()) commands.timestamp(trial.timer, 1);
  return commands.finish();
}

Result<double> StepTrials::run(Trial& trial) {
  const auto start = HostClock::now();
  NBL_CHECK(run_and_wait(trial.commands));
  double ns = ns_since(start);
  if (trial.timer.handle()) {
    NBL_TRY(const auto times, trial.timer.read());
    if (times.size() == 2 && times[0] && times[1]) ns = static_cast<double>(*times[1] - *times[0]);
  }
  return ns / trial.repeats;
}

Status StepTrials::measure(const std::vector<Trial*>& trials, bool backwards) {
  for (size_t i = 0; i < trials.size(); ++i) {
    Trial& trial = *trials[backwards ? trials.size() - 1 - i : i];
    NBL_TRY(const double ns, run(trial));
    trial.ns.push_back(ns);
  }
  return {};
}

}  // namespace nibble
