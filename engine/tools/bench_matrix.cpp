#include "tools/bench_matrix.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>

#include "core/try.h"
#include "runtime/open_device.h"
#include "runtime/session_state.h"
#include "tools/bench_matrix_model.h"
#include "tools/bench_statistics.h"

namespace nibble::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLeastMatrixRuns = 5;
constexpr double kGemmSeconds = 1.5, kGemvSeconds = 0.3;

// A job that runs, and the nanoseconds of each of its layers in each run.
struct MatrixRuns {
  const MatrixJob& job;
  MatrixModel model;
  Session session;
  std::vector<std::vector<double>> layer_ns;
};

Result<std::unique_ptr<MatrixRuns>> start(const Device& device, const MatrixJob& job) {
  NBL_TRY(MatrixModel model, make_matrix_model(job));
  SessionOptions options;
  options.profile = true;
  NBL_TRY(Session session, Session::create(device, model.model, options));
  NBL_CHECK(write_matrix_input(session, job));
  NBL_CHECK(session.run());
  const size_t layers = model.layers.size();
  auto runs = std::make_unique<MatrixRuns>(
      MatrixRuns{job, std::move(model), std::move(session), std::vector<std::vector<double>>(layers)});
  NBL_CHECK(check_matrix_results(runs->session, job, runs->model));
  return runs;
}

double multiply_adds(const MatrixLayer& layer) { return static_cast<double>(layer.inputs * layer.outputs); }

// Steps count for the node that they belong to; those at the edges of the network do not. Without timestamps a run's
// time is shared out by work.
Status run_once(MatrixRuns& runs) {
  const auto begin = Clock::now();
  NBL_CHECK(runs.session.run());
  const double run_ns = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  NBL_TRY(const std::vector<StepTime> times, runs.session.profile());
  std::vector<double> layers(runs.layer_ns.size());
  const std::vector<Step>& steps = runs.session.state().bound->plan.steps;
  for (size_t i = 0; i < times.size(); ++i) {
    if (steps[i].origin >= 0) layers[static_cast<size_t>(steps[i].origin)] += static_cast<double>(times[i].ns);
  }
  double work = 0;
  for (const MatrixLayer& layer : runs.model.layers) work += multiply_adds(layer);
  for (size_t i = 0; i < layers.size(); ++i) {
    const double share = multiply_adds(runs.model.layers[i]) / work;
    runs.layer_ns[i].push_back(std::max(times.empty() ? run_ns * share : layers[i], 1.0));
  }
  return {};
}

std::string kernel_of(MatrixRuns& runs, size_t layer) {
  for (const Step& step : runs.session.state().bound->plan.steps) {
    if (step.origin == static_cast<NodeId>(layer) && step.multiply_adds > 0)
      return std::string(kernel_table()[static_cast<size_t>(step.kernel)].name);
  }
  return {};
}

// Layers of equal shape together.
void add_rates(MatrixRuns& runs, std::vector<MatrixRate>& rates) {
  const std::vector<MatrixLayer>& layers = runs.model.layers;
  for (size_t first = 0; first < layers.size(); ++first) {
    const auto same = [&](const MatrixLayer& layer) {
      return layer.inputs == layers[first].inputs && layer.outputs == layers[first].outputs;
    };
    if (std::any_of(layers.begin(), layers.begin() + static_cast<ptrdiff_t>(first), same)) continue;
    std::vector<double> means(runs.layer_ns[first].size());
    const auto count = static_cast<double>(std::count_if(layers.begin(), layers.end(), same));
    for (size_t i = first; i < layers.size(); ++i) {
      if (!same(layers[i])) continue;
      for (size_t run = 0; run < means.size(); ++run) means[run] += runs.layer_ns[i][run] / count;
    }
    const Statistics s = statistics(means);
    rates.push_back({runs.job.product, runs.job.rows, layers[first].inputs, layers[first].outputs, s.min, s.median,
                     layers[first].stored_bytes, kernel_of(runs, first)});
  }
}

}  // namespace

const char* to_string(Product product) {
  constexpr const char* kNames[] = {"fp32", "int8 x int8", "int4 x int8", "int4 x fp32"};
  return kNames[static_cast<size_t>(product)];
}

const char* key_of(Product product) {
  constexpr const char* kKeys[] = {"fp32", "int8_int8", "int4_int8", "int4_fp32"};
  return kKeys[static_cast<size_t>(product)];
}

Result<std::vector<MatrixRate>> measure_matrices(const Device& device, const std::vector<MatrixJob>& jobs,
                                                 double seconds) {
  std::vector<std::unique_ptr<MatrixRuns>> all;
  for (const MatrixJob& job : jobs) {
    NBL_TRY(auto runs, start(device, job));
    all.push_back(std::move(runs));
  }
  const auto begin = Clock::now();
  for (size_t round = 0;
       round < kLeastMatrixRuns || std::chrono::duration<double>(Clock::now() - begin).count() < seconds; ++round) {
    for (auto& runs : all) NBL_CHECK(run_once(*runs));
  }
  std::vector<MatrixRate> rates;
  for (const auto& runs : all) {
    NBL_CHECK(check_matrix_results(runs->session, runs->job, runs->model));
    add_rates(*runs, rates);
  }
  return rates;
}

Result<std::vector<MatrixRate>> measure_gemm(const Device& device, int64_t n) {
  std::vector<MatrixJob> jobs;
  for (const Product product : {Product::f32, Product::i8_i8, Product::i4_i8}) jobs.push_back({product, n, {n, n}});
  return measure_matrices(device, jobs, kGemmSeconds);
}

Result<std::vector<MatrixRate>> measure_gemv(const Device& device) {
  const bool cpu = device.state()->caps().device_type == gpu::DeviceType::cpu;
  const int64_t narrow = cpu ? 1024 : 4096, wide = cpu ? 2752 : 11008;
  // More weights than a large cache holds.
  const int64_t least_weights = cpu ? 1 : int64_t{128} << 20;
  std::vector<MatrixRate> rates;
  for (const Product product : {Product::i4_f32, Product::i4_i8, Product::i8_i8}) {
    const int64_t per_byte = product == Product::i8_i8 ? 1 : 2;
    const auto job = [&](std::vector<int64_t> period) {
      MatrixJob out{product, 1, {narrow}};
      int64_t weights = 0;
      while (weights < least_weights * per_byte) {
        for (const int64_t width : period) {
          weights += out.widths.back() * width;
          out.widths.push_back(width);
        }
      }
      return out;
    };
    for (const MatrixJob& one : {job({narrow}), job({wide, narrow})}) {
      NBL_TRY(const std::vector<MatrixRate> some, measure_matrices(device, {one}, kGemvSeconds));
      rates.insert(rates.end(), some.begin(), some.end());
    }
  }
  return rates;
}

}  // namespace nibble::tools
