// Times of the steps of a network, and the floors that they are held against.
#include <chrono>

#include "core/try.h"
#include "ops/conv2d.h"
#include "runtime/session_state.h"
#include "tools/bench_measure.h"

namespace nibble::tools {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t weight_count(const Graph& graph, const Step& step) {
  if (step.origin < 0) return 0;
  const Node& node = graph.nodes[static_cast<size_t>(step.origin)];
  if (node.inputs.size() <= conv_input::weights || node.inputs[conv_input::weights] == kNoTensor) return 0;
  uint64_t count = 1;
  for (const Dim& dim : graph.desc(node.inputs[conv_input::weights]).shape) {
    count *= static_cast<uint64_t>(dim.is_const() ? dim.value() : 1);
  }
  return count;
}

StepWork work_of(const Plan& plan, size_t index) {
  const Step& step = plan.steps[index];
  const Kernel& kernel = kernel_table()[static_cast<size_t>(step.kernel)];
  StepWork work;
  work.multiply_adds = step.multiply_adds;
  const StepBytes bytes = step_bytes(plan, step);
  work.bytes = bytes.read + bytes.written;
  work.waits = plan.barrier_before[index] != 0;
  if (step.integer) {
    work.arithmetic = StepWork::Arithmetic::int8;
  } else if ((kernel.needs & gpu::Caps::float16) != 0) {
    work.arithmetic = StepWork::Arithmetic::fp16;
  }
  if (step.integer || step.multiply_adds == 0) return work;
  if (kernel.key.weights == ElementType::i8) work.unpacked_int8 = weight_count(plan.graph, step);
  if (kernel.key.weights == ElementType::i4) work.unpacked_int4 = weight_count(plan.graph, step);
  return work;
}

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Status measure_steps(const Device& device, Contender& contender, const BenchOptions& options) {
  // The weights stay on the device only while a session uses them, so they are uploaded again here.
  contender.session.reset();
  SessionOptions session_options = contender.session_options;
  session_options.profile = true;
  NBL_TRY(Session session, Session::create(device, *contender.model, session_options));
  NBL_CHECK(write_random_inputs(session, options.seed));
  NBL_CHECK(session.run());
  const size_t most = options.runs > 0 ? static_cast<size_t>(options.runs) : 1000;
  std::vector<std::vector<double>> times;
  const auto start = Clock::now();
  for (size_t round = 0; round < most && (round < 5 || ms_since(start) / 1000 < options.seconds / 2); ++round) {
    NBL_CHECK(session.run());
    NBL_TRY(const std::vector<StepTime> steps, session.profile());
    times.resize(steps.size());
    for (size_t i = 0; i < steps.size(); ++i) times[i].push_back(static_cast<double>(steps[i].ns));
  }
  const Plan& plan = session.state().bound->plan;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const Statistics time = i < times.size() ? statistics(times[i]) : Statistics{};
    contender.steps.push_back({step.label, std::string(kernel_table()[static_cast<size_t>(step.kernel)].name),
                               time.median, time.min, work_of(plan, i), step.integer, std::nullopt});
  }
  return {};
}

void set_floors(Contender& contender, const Ceilings& ceilings) {
  for (StepFigures& step : contender.steps) step.floor = step_floor(ceilings, step.work);
}

double floor_ns(const Contender& contender) {
  double sum = 0;
  for (const StepFigures& step : contender.steps) sum += step.floor ? step.floor->ns : 0.0;
  return sum;
}

double steps_ns(const Contender& contender) {
  double sum = 0;
  for (const StepFigures& step : contender.steps) sum += step.ns;
  return sum;
}

}  // namespace nibble::tools
