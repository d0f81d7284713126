// Measures single steps of a bound network on the device, in the memory and with the values that a run left there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gpu/command.h"
#include "gpu/timer.h"
#include "runtime/bound_session.h"
#include "runtime/tune_clock.h"

namespace nibble {

// One way to compute the steps of a problem, recorded several times in a row so that short ones can be measured.
struct Trial {
  Choice choice;
  std::vector<Step> steps;
  std::vector<const gpu::Pipeline*> pipelines;
  gpu::CommandList commands;
  gpu::Timer timer;  // start and end
  uint32_t repeats = 1;
  std::vector<double> ns;  // of one repeat, one measurement each
  double least() const;
};

class StepTrials {
 public:
  // Binds the network with the untuned choices, each activation in memory of its own where the device has enough of it
  // (later steps then leave the values of earlier ones alone), and runs it once on random inputs.
  static Result<std::unique_ptr<StepTrials>> create(const Device& device, const Model& model, const DimBindings& dims);

  const Plan& plan() const { return bound_->plan; }
  const std::map<std::string, ProblemFound>& problems() const { return problems_; }
  const gpu::Caps& caps() const { return device_.state()->caps(); }

  // Nanoseconds of each step of the plan in a run, medians; by the clock of the host where the device has none.
  Result<std::vector<double>> profile(const TuneClock& clock);

  // Compiles what has not been compiled and records a trial for each choice, as many as the clock allows. Choices that
  // need other memory than the untuned ones are passed over.
  Result<std::vector<std::unique_ptr<Trial>>> make(const std::string& problem, const std::vector<Choice>& choices,
                                                   const TuneClock& clock);
  // Measures all trials once, in turns.
  Status measure(const std::vector<Trial*>& trials, bool backwards);

 private:
  explicit StepTrials(Device device, Model model)
      : device_(std::move(device)), model_(std::move(model)), pipelines_(false) {}
  Result<std::vector<Step>> steps_of(const std::string& problem, const Choice& choice) const;
  Result<Trial> prepare(const Choice& choice, std::vector<Step> steps);
  Status compile(const std::vector<Step>& steps);
  Status record(Trial& trial, uint32_t repeats);
  Result<double> run(Trial& trial);

  Device device_;
  Model model_;
  std::map<std::string, ProblemFound> problems_;
  Fusion fusion_;  // as the session's plan has it
  std::unique_ptr<BoundSession> bound_;
  PipelinePool pipelines_;  // candidates: most of them are not wanted again
};

// The value in the middle; 0 of none.
double median(std::vector<double> values);

}  // namespace nibble
