#include "tools/bench_options.h"

#include <CLI/CLI.hpp>

#include "nibble/version.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

constexpr const char* kExamples = R"(
Inputs are random numbers that are never zero. Every output is looked at for NaN, before and after. Of two files, the cold
start of the second finds pipelines that the first has compiled.

Examples:
  nibble-bench net.nbl --device 0 --json bench.json
      cold start, time per run and per step, memory; all numbers as JSON as well
  nibble-bench float.nbl int8.nbl --runs 50
      two files in turns, so that whatever else the machine does falls on both, and the ratio of their times
  nibble-bench --roofline
      what the device can do at best, and what the engine's matrix kernels make of it
  nibble-bench net.nbl --against ../other-build/nibble-bench
      two builds in turns, each in processes of its own, and the ratio of their times
  nibble-bench net.nbl --starts 5
      from nothing to the first result, with a pipeline cache and without
  nibble-bench net.nbl --slice 2
      runs in slices of 2 ms, too: how many, and how far they overshoot
  nibble-bench net.nbl --dim N=8 --steps 0
      a batch of 8, every step in the table
  NIBBLE_KERNEL=conv2d=conv2d_w8_i8_shift nibble-bench net.nbl
      with a kernel of choice)";

}  // namespace

std::optional<int> parse_bench_options(int argc, char** argv, BenchOptions& o) {
  o.command.assign(argv, argv + argc);
  CLI::App app{"Measures a .nbl network on a Vulkan device.", "nibble-bench"};
  app.set_version_flag("--version", std::string("nibble-bench ") + version());
  app.footer(kExamples);
  app.add_option("models", o.models, "the .nbl file, or two to compare")->expected(0, 2);
  app.add_option("--dim", o.dims, "size of a free dimension, NAME=SIZE (repeatable)")->allow_extra_args(false);
  app.add_option("--runs", o.runs, "measured runs (default: 2 seconds of them, at least 10)")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--seconds", o.seconds, "time for the runs of each model where --runs is not given")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  auto* warmup = app.add_option("--warmup", o.warmup, "runs behind the first that do not count")
                     ->check(CLI::Range(0, 100000))
                     ->capture_default_str();
  app.add_option("--steps", o.shown_steps, "show the K slowest steps, 0 for all")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  app.add_flag("!--no-steps", o.steps, "do not measure the steps");
  auto* against =
      app.add_option("--against", o.against, "another build of nibble-bench: both measure the model in turns");
  app.add_option("--turns", o.turns, "turns of each build with --against")
      ->needs(against)
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  app.add_option(
         "--starts", o.starts,
         "start this program N times without a pipeline cache and N times with one: the way to the first result, "
         "and the first run beside the tenth")
      ->check(CLI::Range(1, 1000));
  app.add_option("--slice", o.slice, "run in slices of this many milliseconds as well: how far they overshoot")
      ->check(CLI::Range(0.001, 10000.0));
  app.add_flag("--jitter", o.jitter,
               "run an empty dispatch in turns with the network and compare how steady they are "
               "(always from 1000 --runs on)");
  auto* roofline =
      app.add_flag("--roofline", o.roofline, "measure the device's ceilings and the engine's matrix products as well");
  app.add_option("--gemm", o.gemm, "size of the matrix product of --roofline")
      ->needs(roofline)
      ->check(CLI::Range(16, 16384))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of the random inputs")->capture_default_str();
  app.add_option("--kernel", o.kernels, "force kernels, FAMILY=NAME,... (default: $NIBBLE_KERNEL)");
  app.add_option("--json", o.json, "write all numbers to this file, - for standard output in place of the tables");
  add_device_options(app, o.device);
  const std::optional<int> code = parse_arguments(app, argc, argv);
  o.warmup_given = warmup->count() > 0;
  return code;
}

Status check_bench_options(const BenchOptions& o) {
  const auto refuse = [](const std::string& what) {
    return Error{Code::invalid_argument, what + " (nibble-bench --help shows the options)"};
  };
  if (o.models.empty() && !o.roofline) return refuse("which .nbl file, or --roofline?");
  if (o.models.empty() && o.jitter) return refuse("--jitter needs a .nbl file to run");
  if (o.roofline && !o.models.empty() && !o.steps) {
    return refuse(
        "--roofline holds the steps of a network against the device, --no-steps leaves them out: only one of "
        "the two");
  }
  if (o.models.empty() && o.slice > 0) return refuse("--slice needs a .nbl file to run");
  if (o.starts > 0) {
    if (o.models.size() != 1) return refuse("--starts takes one .nbl file");
    if (o.roofline || o.jitter || o.slice > 0 || !o.against.empty()) {
      return refuse("--starts measures starts only: without --roofline, --jitter, --slice and --against");
    }
    if (o.runs > 0 || o.warmup_given || !o.device.options.pipeline_cache.empty()) {
      return refuse("--starts has runs and pipeline caches of its own: without --runs, --warmup and --pipeline-cache");
    }
  }
  if (o.against.empty()) return {};
  if (o.slice > 0) return refuse("--against compares whole runs, --slice measures this build: only one of the two");
  if (o.models.size() != 1) return refuse("--against compares two builds on one .nbl file, two were given");
  if (o.roofline) return refuse("--against compares whole runs, --roofline measures this build: only one of the two");
  if (o.jitter) return refuse("--against compares whole runs, --jitter measures this build: only one of the two");
  return {};
}

}  // namespace nibble::tools
