#include <algorithm>
#include <nlohmann/json.hpp>

#include "nibble/version.h"
#include "runtime/open_device.h"
#include "tools/bench_report.h"

namespace nibble::tools {
namespace {

using Json = nlohmann::ordered_json;

Json statistics_json(const Statistics& s) {
  return {{"count", s.count}, {"median", s.median}, {"mean", s.mean}, {"deviation", s.deviation},
          {"min", s.min},     {"p10", s.p10},       {"p90", s.p90},   {"p99", s.p99},
          {"max", s.max}};
}

Json cold_json(const ColdStart& cold) {
  return {{"read", cold.read},     {"plan", cold.plan},           {"pipelines", cold.pipelines},
          {"upload", cold.upload}, {"session", cold.session},     {"first_run", cold.first_run},
          {"total", cold.total()}, {"processor", cold.processor}, {"planning_processor", cold.planning_processor}};
}

Json steps_json(const std::vector<StepFigures>& steps) {
  Json out = Json::array();
  for (const StepFigures& step : steps) {
    const bool took_time = step.ns > 0;
    Json row = {{"step", step.label},
                {"kernel", step.kernel},
                {"ns", step.ns},
                {"least_ns", step.least_ns},
                {"multiply_adds", step.work.multiply_adds},
                {"integer", step.integer},
                {"bytes", step.work.bytes},
                {"gops", took_time ? 2 * static_cast<double>(step.work.multiply_adds) / step.ns : 0.0},
                {"gb_per_s", took_time ? static_cast<double>(step.work.bytes) / step.ns : 0.0}};
    if (step.floor) {
      row["floor_ns"] = step.floor->ns;
      row["share_of_floor"] = took_time ? Json(step.floor->ns / step.ns) : Json();
      row["bound"] = to_string(step.floor->bound);
    }
    out.push_back(std::move(row));
  }
  return out;
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json ceilings_json(const Ceilings& c) {
  Json bandwidths = Json::array();
  for (const Bandwidth& b : c.bandwidths) {
    bandwidths.push_back({{"bytes", b.bytes}, {"read_bytes_per_s", b.read}, {"copy_bytes_per_s", b.copy}});
  }
  return {{"fp32_flops", c.fp32},
          {"fp16_flops", optional_json(c.fp16)},
          {"int8_dot_ops", optional_json(c.int8_dot)},
          {"int8_shift_ops", c.int8_shift},
          {"int8_f32_ops", c.int8_f32},
          {"int8_ops", c.int8()},
          {"unpack_int8_flops", c.unpack_i8},
          {"unpack_int4_flops", c.unpack_i4},
          {"bandwidths", std::move(bandwidths)},
          {"dispatch_ns", c.dispatch_ns},
          {"barrier_ns", c.barrier_ns}};
}

Json matrix_json(const MatrixRate& rate) {
  return {{"product", key_of(rate.product)},
          {"rows", rate.rows},
          {"inputs", rate.inputs},
          {"outputs", rate.outputs},
          {"kernel", rate.kernel},
          {"ns", rate.ns},
          {"median_ns", rate.median_ns},
          {"ops_per_s", rate.operations_per_second()},
          {"weight_bytes", rate.weight_bytes},
          {"weight_bytes_per_s", rate.weight_bytes_per_second()}};
}

Json roofline_json(const Roofline& r) {
  Json out = {{"ceilings", ceilings_json(r.ceilings)},
              {"gemm", Json::array()},
              {"gemm_int8_to_fp32", r.gemm_ratio(Product::i8_i8, Product::f32)},
              {"gemm_int4_to_int8", r.gemm_ratio(Product::i4_i8, Product::i8_i8)},
              {"gemv", Json::array()}};
  for (const MatrixRate& rate : r.gemm) {
    out["gemm"].push_back(matrix_json(rate));
    out["gemm"].back()["share_of_ceiling"] = r.gemm_share(rate);
  }
  for (const MatrixRate& rate : r.gemv) {
    out["gemv"].push_back(matrix_json(rate));
    out["gemv"].back()["share_of_copy"] = r.gemv_share(rate);
  }
  return out;
}

Json contender_json(const Contender& c, const BenchOptions& options) {
  Json dims = Json::object();
  for (const auto& [name, size] : c.session_options.dims) dims[name] = size;
  const MemoryUse& m = c.memory;
  Json out = {{"model", c.path},
              {"file_bytes", c.file_bytes},
              {"dims", dims},
              {"cold_start_ms", cold_json(c.cold)},
              {"pipelines", c.pipelines_made},
              {"uploaded_bytes", c.uploaded_bytes},
              {"latency_ms", statistics_json(statistics(c.run_ms))},
              {"runs_ms", c.run_ms},
              {"processor_ms", statistics_json(statistics(c.processor_ms))},
              {"plan_steps", c.plan_steps},
              {"multiply_adds", c.multiply_adds},
              {"integer_share", c.integer_share},
              {"device_bytes",
               {{"weights", m.weights},
                {"activations", m.activations},
                {"tables", m.tables},
                {"inputs", m.inputs},
                {"outputs", m.outputs},
                {"total", m.total()}}}};
  if (c.product) out["product"] = key_of(*c.product);
  if (options.steps) {
    out["steps_ns"] = steps_ns(c);
    out["steps"] = steps_json(c.steps);
  }
  if (floor_ns(c) > 0) {
    out["floor_ns"] = floor_ns(c);
    out["share_of_floor"] = floor_ns(c) / (1e6 * statistics(c.run_ms).median);
  }
  return out;
}

Json jitter_json(const std::vector<double>& run_ms, const std::vector<double>& void_ms) {
  const double own = jitter(run_ms), nothing = jitter(void_ms);
  return {
      {"p99_to_median", own}, {"void_p99_to_median", nothing}, {"ratio", nothing > 0 ? Json(own / nothing) : Json()}};
}

Json slices_json(const SliceFigures& f) {
  std::vector<double> sorted = f.overshoot_ms;
  std::sort(sorted.begin(), sorted.end());
  return {{"budget_ms", f.budget_ms},
          {"runs", f.runs},
          {"slices", f.took_ms.size()},
          {"slices_per_run", f.slices_per_run()},
          {"within_budget", f.within()},
          {"overshoot_ms",
           {{"median", quantile(sorted, 0.5)},
            {"p95", quantile(sorted, 0.95)},
            {"worst", sorted.empty() ? 0.0 : sorted.back()}}},
          {"longest_step_ms", f.longest_step_ms},
          {"took_ms", f.took_ms}};
}

Json precision_json(const PrecisionGain& gain) {
  return {{"slow", key_of(gain.slow)},
          {"fast", key_of(gain.fast)},
          {"ratio", gain.ratio},
          {"share_of_gemm_ratio", optional_json(gain.share)}};
}

Json device_json(const Device& device) {
  const gpu::Caps& caps = device.state()->caps();
  return {{"name", caps.device_name},
          {"type", gpu::to_string(caps.device_type)},
          {"vulkan", gpu::version_to_text(caps.api_version)},
          {"vendor_id", caps.vendor_id},
          {"device_id", caps.device_id},
          {"driver_id", caps.driver_id},
          {"driver_version", caps.driver_version},
          {"capabilities", gpu::bits_to_text(caps.bits)},
          {"int8_path", gpu::to_string(caps.int8_path)}};
}

}  // namespace

std::string bench_json(const BenchResults& r, const Device& device, const BenchOptions& options) {
  Json out = {{"tool", "nibble-bench"},
              {"version", version()},
              {"command", options.command},
              {"seed", options.seed},
              {"warmup", options.warmup},
              {"device", device_json(device)},
              {"open_device_ms", r.open_device_ms},
              {"empty_submit_ms", statistics_json(r.overhead.empty_submit)},
              {"one_step_ms", statistics_json(r.overhead.one_step)}};
  if (r.roofline) out["roofline"] = roofline_json(*r.roofline);
  Json& models = out["models"] = Json::array();
  for (const auto& contender : r.contenders) {
    models.push_back(contender_json(*contender, options));
    if (contender->slices) models.back()["slices"] = slices_json(*contender->slices);
    if (!r.void_ms.empty()) models.back()["jitter"] = jitter_json(contender->run_ms, r.void_ms);
  }
  if (!r.void_ms.empty()) out["void_ms"] = statistics_json(statistics(r.void_ms));
  if (r.precision) out["precision_gain"] = precision_json(*r.precision);
  if (r.ratio) {
    out["ratio"] = {{"second_to_first", r.ratio->median},
                    {"low", r.ratio->low},
                    {"high", r.ratio->high},
                    {"pairs", r.ratio->pairs}};
  }
  out["device_peak_bytes"] = r.device_peak_bytes;
  out["process_bytes"] = {{"resident", r.process.resident}, {"peak", r.process.peak}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nibble::tools
