// Measures on the device at hand which kernels and tiles run a network's steps fastest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nibble/device.h"
#include "nibble/export.h"
#include "nibble/model.h"
#include "nibble/result.h"

namespace nibble {

struct TuneProgress {
  size_t done = 0, total = 0;  // distinct problems that steps pose
  double seconds = 0;          // since the start
  std::string label;           // of the step that comes next
};

struct TuneOptions {
  // Sizes of free dimensions, by name; those not given are 1. What is found holds for these sizes only.
  std::map<std::string, int64_t> dims;
  // Measuring and compiling end after about this time, which a compilation under way may overrun. Steps that take most
  // of the network's time come first; those that are not reached keep the untuned choice.
  std::chrono::nanoseconds time_limit = std::chrono::seconds(60);
  // Measure steps again whose choice is known from a former run.
  bool again = false;
  // Called before each problem and at the end, in the calling thread. May be empty.
  std::function<void(const TuneProgress&)> progress;
};

// A distinct problem: what several equal layers of a network have in common.
struct TunedStep {
  std::string label;    // of the first step that poses it
  std::string problem;  // types and sizes
  size_t steps = 0;     // of the network that pose it
  std::string untuned;  // kernel and tile: "conv2d_w8_i8_shift 4x2 in groups of 8x4"
  std::string chosen;
  double untuned_us = 0, chosen_us = 0;  // of one step, medians of measurements in turns
  size_t tried = 0;                      // kernels and tiles that were measured
};

struct TuneReport {
  std::vector<TunedStep> steps;  // that were measured, the ones with the largest share of time first
  size_t problems = 0;           // that have a choice at all
  size_t known = 0;              // with a choice from a former run, not measured again
  size_t not_reached = 0;        // the time limit came first
  // A run of the whole network with the untuned choices and with what is known now, in turns, medians; 0 where nothing
  // was measured.
  double untuned_ms = 0, tuned_ms = 0;
  double ratio = 0;  // tuned to untuned, the median of the pairs: what a machine does meanwhile weighs less in it
  // False when the whole network was no faster with the new choices: they are dropped then.
  bool kept = true;
  double seconds = 0;
};

// Measures the candidates for the model's steps, which all compute the same: integers to the bit, floats by the same
// sums. Sessions made on the device from then on use the fastest; Device::save_pipeline_cache() keeps them for later
// runs on the same device, driver and kernels. A limit that is too short is no error: see TuneReport::not_reached. The
// device should do nothing else meanwhile. Errors are those of Session::create and run; nothing is changed then.
NBL_API Result<TuneReport> tune(const Device& device, const Model& model, const TuneOptions& options = {});

}  // namespace nibble
