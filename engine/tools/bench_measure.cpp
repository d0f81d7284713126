#include "tools/bench_measure.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>

#include "core/half.h"
#include "core/text.h"
#include "core/try.h"
#include "gpu/command.h"
#include "gpu/platform.h"
#include "ops/op.h"
#include "probes/probe_params.h"
#include "runtime/model_internal.h"
#include "tools/bench_probe.h"
#include "tools/tensor_values.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

using Clock = std::chrono::steady_clock;

double processor_ms() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Runs `work` and returns its result; adds its time to `ms`.
template <class Work>
auto timed(double& ms, Work work) {
  const auto start = Clock::now();
  auto result = work();
  ms += ms_since(start);
  return result;
}

// Zeros would let a driver or a processor take shortcuts. Integers stay small: they may be indices.
media::NpyArray random_values(const TensorInfo& info, std::mt19937& random) {
  media::NpyArray array{info.type, info.shape, std::vector<std::byte>(info.bytes())};
  const size_t count = info.elements();
  std::uniform_real_distribution<float> real(0.01f, 1.0f);
  std::uniform_int_distribution<int> sign(0, 1), byte(1, 255), magnitude(1, 127), index(1, 9);
  for (size_t i = 0; i < count; ++i) {
    const float number = sign(random) ? real(random) : -real(random);
    const auto put = [&](auto value) { std::memcpy(array.data.data() + i * sizeof(value), &value, sizeof(value)); };
    switch (info.type) {
      case DType::f32: put(number); break;
      case DType::f16: put(half_from_float(number)); break;
      case DType::i8: put(static_cast<int8_t>(sign(random) ? magnitude(random) : -magnitude(random))); break;
      case DType::u8: put(static_cast<uint8_t>(byte(random))); break;
      case DType::boolean: put(static_cast<uint8_t>(sign(random))); break;
      case DType::i32: put(static_cast<int32_t>(index(random))); break;
      case DType::i64: put(static_cast<int64_t>(index(random))); break;
      case DType::i4:
      case DType::lut4: break;
    }
  }
  return array;
}

std::optional<Product> product_of(const Kernel& kernel) {
  const bool whole = kernel.key.activations == ElementType::i8;
  switch (kernel.key.weights) {
    case ElementType::f32:
    case ElementType::f16: return Product::f32;
    case ElementType::i8: return whole ? std::optional(Product::i8_i8) : std::nullopt;
    case ElementType::i4:
    case ElementType::lut4: return whole ? Product::i4_i8 : Product::i4_f32;
    default: return std::nullopt;
  }
}

std::optional<Product> main_product(const std::vector<Step>& steps, uint64_t multiply_adds) {
  std::map<Product, uint64_t> sums;
  for (const Step& step : steps) {
    const auto product = product_of(kernel_table()[static_cast<size_t>(step.kernel)]);
    if (product) sums[*product] += step.multiply_adds;
  }
  for (const auto& [product, sum] : sums) {
    if (2 * sum > multiply_adds) return product;
  }
  return std::nullopt;
}

Status create_session(const Device& device, Contender& contender) {
  OpenDevice& open = *device.state();
  const ModelState& model = *contender.model->state();
  const std::string kernels =
      contender.session_options.kernels.empty() ? gpu::environment("NIBBLE_KERNEL") : contender.session_options.kernels;
  NBL_TRY(const KernelOverrides overrides, KernelOverrides::parse(kernels));
  ColdStart& cold = contender.cold;
  const std::shared_ptr<const Choices> choices = open.tuning.choices();
  cold.planning_processor = -processor_ms();
  NBL_TRY(const Plan plan, timed(cold.plan, [&] {
            return make_plan(model.graph, open.caps(),
                             {contender.session_options.dims, overrides, false, {choices.get(), nullptr}});
          }));
  cold.planning_processor += processor_ms();
  NBL_CHECK(model.weights.check_fits(device.state(), plan));
  const gpu::DeviceStats before = open.gpu.stats();
  NBL_TRY([[maybe_unused]] const auto pipelines,
          timed(cold.pipelines, [&] { return open.pipelines.get(open.gpu, plan.steps); }));
  NBL_TRY([[maybe_unused]] const SessionWeights weights,
          timed(cold.upload, [&] { return model.weights.acquire(device.state(), plan); }));
  const gpu::DeviceStats after = open.gpu.stats();
  contender.pipelines_made = after.pipelines - before.pipelines;
  contender.uploaded_bytes = after.uploaded_bytes - before.uploaded_bytes;
  cold.planning_processor -= processor_ms();
  NBL_TRY(Session session,
          timed(cold.session, [&] { return Session::create(device, *contender.model, contender.session_options); }));
  cold.planning_processor += processor_ms();
  contender.session.emplace(std::move(session));
  contender.plan_steps = plan.steps.size();
  for (const Step& step : plan.steps) contender.multiply_adds += step.multiply_adds;
  contender.integer_share = plan.integer_share();
  contender.product = main_product(plan.steps, contender.multiply_adds);
  return {};
}

bool enough(const BenchOptions& options, size_t contenders, size_t rounds, double seconds) {
  if (options.runs > 0) return rounds >= static_cast<size_t>(options.runs);
  const double wanted = options.seconds * static_cast<double>(contenders);
  if (rounds < 3 || seconds < wanted) return false;
  return rounds >= static_cast<size_t>(kLeastRuns) || seconds >= kLongestSeconds * static_cast<double>(contenders);
}

Status timed_run(Contender& contender) {
  double ms = 0;
  const double before = processor_ms();
  NBL_CHECK(timed(ms, [&] { return contender.session->run(); }));
  contender.processor_ms.push_back(processor_ms() - before);
  contender.run_ms.push_back(ms);
  return {};
}

// What a run of any network has in common with a dispatch that does nothing.
struct VoidRun {
  gpu::Buffer counter;
  gpu::Pipeline pipeline;
  TimedCommands commands;
};

Result<VoidRun> make_void_run(const Device& device) {
  const gpu::Device& gpu = device.state()->gpu;
  NBL_TRY(gpu::Buffer counter, probe_buffer(gpu, std::vector<uint32_t>{0}, "void run"));
  NBL_TRY(gpu::Pipeline pipeline, probe_pipeline(gpu, "count_dispatches"));
  NBL_TRY(TimedCommands commands, TimedCommands::create(gpu, "void run"));
  NBL_CHECK(commands.record([&](gpu::CommandList& list) {
    const params::ProbeParams push{1, 0};
    const gpu::BufferRange buffers[] = {counter.whole()};
    list.bind(pipeline, buffers);
    list.push(std::as_bytes(std::span(&push, 1)));
    list.dispatch(1, 1, 1);
  }));
  return VoidRun{std::move(counter), std::move(pipeline), std::move(commands)};
}

}  // namespace

Status write_random_inputs(Session& session, uint32_t seed) {
  std::mt19937 random(seed);
  for (const TensorInfo& info : session.inputs())
    NBL_CHECK(write_bytes(session, info, random_values(info, random).data));
  return {};
}

Result<std::unique_ptr<Contender>> start_cold(const Device& device, const std::string& path,
                                              const BenchOptions& options) {
  auto contender = std::make_unique<Contender>();
  contender->path = path;
  contender->cold.processor = -processor_ms();
  NBL_TRY(contender->session_options.dims, parse_dims(options.dims));
  contender->session_options.kernels = options.kernels;
  NBL_TRY(contender->model, timed(contender->cold.read, [&] { return Model::load(path); }));
  std::error_code ignored;
  contender->file_bytes = std::filesystem::file_size(path, ignored);
  if (Status made = create_session(device, *contender); !made) return Error(made.error()).with_context(path);
  NBL_CHECK(write_random_inputs(*contender->session, options.seed));
  NBL_CHECK(timed(contender->cold.first_run, [&] { return contender->session->run(); }));
  contender->cold.processor += processor_ms();
  NBL_CHECK(check_outputs(*contender->session, path));
  contender->memory = contender->session->memory();
  return contender;
}

Status measure_runs(const Device& device, std::vector<std::unique_ptr<Contender>>& contenders,
                    const BenchOptions& options, std::vector<double>* void_ms) {
  std::optional<VoidRun> nothing;
  if (void_ms) {
    NBL_TRY(VoidRun made, make_void_run(device));
    nothing.emplace(std::move(made));
  }
  for (int i = 0; i < options.warmup; ++i) {
    for (auto& contender : contenders) NBL_CHECK(contender->session->run());
    if (nothing) NBL_CHECK(nothing->commands.run_by_host());
  }
  const auto start = Clock::now();
  for (size_t round = 0; !enough(options, contenders.size(), round, ms_since(start) / 1000); ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      NBL_CHECK(timed_run(*contenders[round % 2 == 0 ? i : contenders.size() - 1 - i]));
    }
    if (!nothing) continue;
    NBL_TRY(const double ms, nothing->commands.run_by_host());
    void_ms->push_back(ms);
  }
  for (auto& contender : contenders) NBL_CHECK(check_outputs(*contender->session, contender->path));
  return {};
}

Result<Overhead> measure_overhead(const Device& device) {
  constexpr int kWarmup = 5, kRuns = 50;
  NBL_TRY(gpu::CommandList commands, gpu::CommandList::create(device.state()->gpu, "empty submission"));
  NBL_CHECK(commands.begin());
  NBL_CHECK(commands.finish());
  std::vector<double> empty;
  for (int i = 0; i < kWarmup + kRuns; ++i) {
    const auto start = Clock::now();
    NBL_CHECK(commands.submit());
    NBL_TRY([[maybe_unused]] const bool done, commands.wait(UINT64_MAX));
    if (i >= kWarmup) empty.push_back(ms_since(start));
  }
  Graph graph;
  TensorDesc desc;
  desc.name = "x";
  desc.shape = {1};
  graph.inputs = {graph.add_tensor(desc)};
  NBL_TRY(const NodeId node, graph.add_node("y", Unary{UnaryKind::neg}, {graph.inputs[0]}));
  graph.outputs = graph.nodes[static_cast<size_t>(node)].outputs;
  NBL_TRY(const Model model, make_model(std::move(graph)));
  NBL_TRY(Session session, Session::create(device, model));
  NBL_CHECK(write_random_inputs(session, 1));
  std::vector<double> one;
  for (int i = 0; i < kWarmup + kRuns; ++i) {
    const auto start = Clock::now();
    NBL_CHECK(session.run());
    if (i >= kWarmup) one.push_back(ms_since(start));
  }
  return Overhead{statistics(empty), statistics(one)};
}

Status check_outputs(const Session& session, const std::string& path) {
  for (const TensorInfo& info : session.outputs()) {
    NBL_TRY(const std::vector<std::byte> bytes, read_bytes(session, info));
    size_t count = 0;
    for (float value : to_real(info, bytes)) count += std::isnan(value);
    if (count == 0) continue;
    return Error{Code::internal, format("%s: %zu of %zu values of output '%s' are NaN", path.c_str(), count,
                                        info.elements(), info.name.c_str())};
  }
  return {};
}

}  // namespace nibble::tools
