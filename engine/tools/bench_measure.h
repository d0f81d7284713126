// The measurements of nibble-bench.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nibble/session.h"
#include "tools/bench_floors.h"
#include "tools/bench_matrix.h"
#include "tools/bench_options.h"
#include "tools/bench_slices.h"
#include "tools/bench_statistics.h"

namespace nibble::tools {

// Milliseconds from a file to the first result, in this order. Pipelines and weights are made before the session here,
// so that each has a figure of its own.
struct ColdStart {
  double read = 0;       // map and check the file
  double plan = 0;       // choose kernels, place buffers
  double pipelines = 0;  // compile
  double upload = 0;     // weights to the device
  double session = 0;    // all else of Session::create: memory, tables, recording
  double first_run = 0;
  double processor = 0;           // processor time of all of it, on a busy machine the better figure
  double planning_processor = 0;  // of plan and session
  double total() const { return read + plan + pipelines + upload + session + first_run; }
};

struct StepFigures {
  std::string label, kernel;
  double ns = 0;  // median
  double least_ns = 0;
  StepWork work;
  bool integer = false;
  std::optional<Floor> floor;  // where the ceilings were measured
};

// A model under test. Not movable once it has a session that refers to it.
struct Contender {
  std::string path;
  uint64_t file_bytes = 0;
  std::optional<Model> model;
  std::optional<Session> session;
  SessionOptions session_options;
  ColdStart cold;
  uint64_t pipelines_made = 0, uploaded_bytes = 0;
  MemoryUse memory;
  std::vector<double> run_ms;
  std::vector<double> processor_ms;    // of all threads of this process in the same runs
  std::optional<SliceFigures> slices;  // where asked for
  std::vector<StepFigures> steps;      // times of 0 where the device has no timestamps
  size_t plan_steps = 0;
  uint64_t multiply_adds = 0;
  double integer_share = 1;
  std::optional<Product> product;  // that most of its multiply-adds are; none where they are of another kind
};

// Random values that are never zero.
Status write_random_inputs(Session& session, uint32_t seed);

// Reads, plans, compiles, uploads, fills the inputs and runs once.
Result<std::unique_ptr<Contender>> start_cold(const Device& device, const std::string& path,
                                              const BenchOptions& options);

// Runs all contenders in turns: each round every one once, every other round backwards.
// `void_ms`: a dispatch that does nothing runs once a round as well; its milliseconds.
Status measure_runs(const Device& device, std::vector<std::unique_ptr<Contender>>& contenders,
                    const BenchOptions& options, std::vector<double>* void_ms);
// The time after which kLeastRuns are not waited for.
inline constexpr double kLongestSeconds = 60;

// Times of every step, from a session of its own that writes timestamps. The contender's own session is gone
// afterwards: two might not fit into the device.
Status measure_steps(const Device& device, Contender& contender, const BenchOptions& options);

// Gives every step its floor.
void set_floors(Contender& contender, const Ceilings& ceilings);
// Of all steps together, nanoseconds; 0 without floors.
double floor_ns(const Contender& contender);
// The measured time of all steps, nanoseconds.
double steps_ns(const Contender& contender);

// What any run costs, whatever the network: milliseconds of an empty submission, and of a session of one step that
// moves one number.
struct Overhead {
  Statistics empty_submit, one_step;
};
Result<Overhead> measure_overhead(const Device& device);

// An error that names the output that holds NaN.
Status check_outputs(const Session& session, const std::string& path);

// Resident memory of this process now and at most, in bytes; 0 where the system does not tell.
struct ProcessMemory {
  uint64_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

}  // namespace nibble::tools
