#include "tools/bench_against.h"

#include <nlohmann/json.hpp>

#include "core/text.h"
#include "core/try.h"
#include "tools/child_process.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostOutput = size_t{64} << 20;

Error refuse(const BuildRuns& runs, const std::string& why) {
  return Error{Code::invalid_argument, format("--against: %s %s", runs.program.c_str(), why.c_str())};
}

Status run_turn(BuildRuns& runs, const std::vector<std::string>& arguments) {
  NBL_TRY(const ChildResult result, run_child(runs.program, arguments, kMostOutput));
  if (result.code != 0) return refuse(runs, format("ended with %d: %s", result.code, result.output.c_str()));
  return add_turn(runs, result.output);
}

Json runs_json(const BuildRuns& runs) {
  const Statistics s = statistics(runs.run_ms);
  return {{"program", runs.program}, {"version", runs.version},  {"median_ms", s.median},
          {"min_ms", s.min},         {"turns_ms", runs.turn_ms}, {"runs_ms", runs.run_ms}};
}

std::string runs_text(const char* what, const BuildRuns& runs) {
  const Statistics s = statistics(runs.run_ms);
  return format("%-6s  median %s, min %s of %zu runs in %zu turns  (%s, %s)\n", what, time_text(s.median).c_str(),
                time_text(s.min).c_str(), s.count, runs.turn_ms.size(), printable(runs.program).c_str(),
                printable(runs.version).c_str());
}

}  // namespace

std::vector<std::string> turn_arguments(const BenchOptions& o) {
  std::vector<std::string> out = o.models;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {name, value});
  };
  for (const std::string& dim : o.dims) add("--dim", dim);
  add("--runs", std::to_string(o.runs > 0 ? o.runs : kLeastRuns));
  add("--warmup", std::to_string(o.warmup));
  add("--seed", std::to_string(o.seed));
  add("--kernel", o.kernels);
  add("--device", o.device.options.select);
  add("--mask", o.device.options.mask);
  add("--pipeline-cache", o.device.options.pipeline_cache);
  if (o.device.options.validation) out.push_back("--validation");
  out.push_back("--no-steps");
  add("--json", "-");
  return out;
}

Status add_turn(BuildRuns& runs, const std::string& text) {
  const size_t first = text.find('{'), last = text.rfind('}');
  const Json json = first < last && last != std::string::npos
                        ? Json::parse(text.substr(first, last - first + 1), nullptr, false)
                        : Json(Json::value_t::discarded);
  std::vector<double> times;
  if (!json.is_discarded() && json.is_object() && json.contains("models") && json["models"].is_array() &&
      json["models"].size() == 1 && json["models"][0].is_object() && json["models"][0].contains("runs_ms")) {
    for (const Json& time : json["models"][0]["runs_ms"]) {
      if (time.is_number()) times.push_back(time.get<double>());
    }
  }
  const double median = statistics(times).median;
  if (!(median > 0)) return refuse(runs, "did not write the times of a run as nibble-bench --json does");
  if (json.contains("version") && json["version"].is_string()) runs.version = json["version"].get<std::string>();
  runs.run_ms.insert(runs.run_ms.end(), times.begin(), times.end());
  runs.turn_ms.push_back(median);
  return {};
}

Result<BuildComparison> compare_builds(const BenchOptions& options) {
  BuildComparison out;
  NBL_TRY(out.own.program, own_program(options.command.empty() ? std::string() : options.command[0]));
  out.other.program = options.against;
  const std::vector<std::string> arguments = turn_arguments(options);
  for (int turn = 0; turn < options.turns; ++turn) {
    const bool own_first = turn % 2 == 0;
    NBL_CHECK(run_turn(own_first ? out.own : out.other, arguments));
    NBL_CHECK(run_turn(own_first ? out.other : out.own, arguments));
  }
  out.other_to_own = ratio(out.own.turn_ms, out.other.turn_ms);
  return out;
}

std::string against_text(const BuildComparison& c) {
  return runs_text("this", c.own) + runs_text("other", c.other) +
         format("ratio   other to this %.3f, between %.3f and %.3f (median of %zu turns, 95 %% interval)\n",
                c.other_to_own.median, c.other_to_own.low, c.other_to_own.high, c.other_to_own.pairs);
}

std::string against_json(const BuildComparison& c, const BenchOptions& options) {
  const Json out = {{"tool", "nibble-bench"},
                    {"command", options.command},
                    {"model", options.models[0]},
                    {"this", runs_json(c.own)},
                    {"other", runs_json(c.other)},
                    {"ratio",
                     {{"other_to_this", c.other_to_own.median},
                      {"low", c.other_to_own.low},
                      {"high", c.other_to_own.high},
                      {"pairs", c.other_to_own.pairs}}}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nibble::tools
