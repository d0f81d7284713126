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
  return {{"read", cold.read},     {"plan", cold.plan},       {"pipelines", cold.pipelines},
          {"upload", cold.upload}, {"session", cold.session}, {"first_run", cold.first_run},
          {"total", cold.total()}};
}

Json steps_json(const std::vector<StepFigures>& steps) {
  Json out = Json::array();
  for (const StepFigures& step : steps) {
    const bool took_time = step.ns > 0;
    out.push_back({{"step", step.label},
                   {"kernel", step.kernel},
                   {"ns", step.ns},
                   {"multiply_adds", step.multiply_adds},
                   {"integer", step.integer},
                   {"bytes", step.bytes},
                   {"gops", took_time ? 2 * static_cast<double>(step.multiply_adds) / step.ns : 0.0},
                   {"gb_per_s", took_time ? static_cast<double>(step.bytes) / step.ns : 0.0}});
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
  if (options.steps) out["steps"] = steps_json(c.steps);
  return out;
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
  Json& models = out["models"] = Json::array();
  for (const auto& contender : r.contenders) models.push_back(contender_json(*contender, options));
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
