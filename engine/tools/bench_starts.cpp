#include "tools/bench_starts.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "core/text.h"
#include "core/try.h"
#include "nibble/version.h"
#include "tools/bench_against.h"
#include "tools/bench_statistics.h"
#include "tools/child_process.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostOutput = size_t{64} << 20;
constexpr int kRuns = 10;  // the first of them is that of the start

struct Part {
  const char* key;   // of the JSON
  const char* name;  // of the table
  double StartTimes::*ms;
};
constexpr Part kParts[] = {{"open_device", "device", &StartTimes::open_device},
                           {"read", "read", &StartTimes::read},
                           {"plan", "plan", &StartTimes::plan},
                           {"pipelines", "pipelines", &StartTimes::pipelines},
                           {"upload", "upload", &StartTimes::upload},
                           {"session", "session", &StartTimes::session},
                           {"first_run", "first run", &StartTimes::first_run},
                           {"processor", "processor time", &StartTimes::processor},
                           {"tenth_run", "tenth run", &StartTimes::tenth_run}};

// A file that is not there yet, and that goes away.
class CachePath {
 public:
  CachePath() {
    std::random_device random;
    std::error_code ignored;
    const std::string name = format("nibble-bench-%08x%08x.cache", random(), random());
    path_ = (std::filesystem::temp_directory_path(ignored) / name).string();
  }
  CachePath(const CachePath&) = delete;
  CachePath& operator=(const CachePath&) = delete;
  ~CachePath() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<StartTimes> start(const std::string& program, const BenchOptions& options) {
  NBL_TRY(const ChildResult result, run_child(program, turn_arguments(options), kMostOutput));
  if (result.code == 0) return read_start(result.output);
  return Error{Code::invalid_argument,
               format("--starts: %s ended with %d: %s", program.c_str(), result.code, result.output.c_str())};
}

Json start_json(const StartTimes& start) {
  Json out;
  for (const Part& part : kParts) out[part.key] = start.*part.ms;
  out["total"] = start.total();
  return out;
}

Json starts_of(const std::vector<StartTimes>& starts) {
  Json all = Json::array();
  for (const StartTimes& start : starts) all.push_back(start_json(start));
  Json median = start_json(median_start(starts));
  median["total"] = median_total(starts);
  return {{"median_ms", std::move(median)}, {"starts_ms", std::move(all)}};
}

std::string start_text(const char* what, const std::vector<StartTimes>& starts) {
  const StartTimes median = median_start(starts);
  std::string out = format("%s  %s of %zu:", what, time_text(median_total(starts)).c_str(), starts.size());
  const char* separator = " ";
  for (const Part& part : kParts) {
    const bool within = part.ms != &StartTimes::tenth_run && part.ms != &StartTimes::processor;
    out += format("%s%s %s", within ? separator : "; ", part.name, time_text(median.*part.ms).c_str());
    separator = ", ";
  }
  return out + "\n";
}

}  // namespace

Result<StartTimes> read_start(const std::string& text) {
  const Error refused{Code::invalid_argument,
                      "--starts: no times of a start and of ten runs in what nibble-bench wrote"};
  const size_t first = text.find('{'), last = text.rfind('}');
  if (first == std::string::npos || last == std::string::npos || last < first) return refused;
  const Json json = Json::parse(text.substr(first, last - first + 1), nullptr, false);
  const auto number = [](const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_number() ? object[key].get<double>() : -1.0;
  };
  if (!json.is_object() || !json.contains("models") || !json["models"].is_array() || json["models"].size() != 1) {
    return refused;
  }
  const Json& model = json["models"][0];
  if (!model.is_object() || !model.contains("cold_start_ms") || !model.contains("runs_ms")) return refused;
  const Json& runs = model["runs_ms"];
  if (!runs.is_array() || runs.size() != kRuns - 1 || !runs.back().is_number()) return refused;
  StartTimes out;
  for (const Part& part : kParts) out.*part.ms = number(model["cold_start_ms"], part.key);
  out.open_device = number(json, "open_device_ms");
  out.tenth_run = runs.back().get<double>();
  for (const Part& part : kParts) {
    if (out.*part.ms < 0) return refused;
  }
  return out;
}

StartTimes median_start(const std::vector<StartTimes>& starts) {
  StartTimes out;
  for (const Part& part : kParts) {
    std::vector<double> values;
    for (const StartTimes& start : starts) values.push_back(start.*part.ms);
    out.*part.ms = statistics(values).median;
  }
  return out;
}

double median_total(const std::vector<StartTimes>& starts) {
  std::vector<double> values;
  for (const StartTimes& start : starts) values.push_back(start.total());
  return statistics(values).median;
}

Result<StartComparison> compare_starts(const BenchOptions& options) {
  NBL_TRY(const std::string program, own_program(options.command.empty() ? std::string() : options.command[0]));
  BenchOptions child = options;
  child.runs = kRuns - 1;
  child.warmup = 0;
  StartComparison out;
  for (int i = 0; i < options.starts; ++i) {
    const CachePath cache;
    child.device.options.pipeline_cache = cache.path();
    NBL_TRY(const StartTimes cold, start(program, child));
    NBL_TRY(const StartTimes warm, start(program, child));
    out.cold.push_back(cold);
    out.warm.push_back(warm);
  }
  return out;
}

std::string starts_text(const StartComparison& c) { return start_text("cold", c.cold) + start_text("warm", c.warm); }

std::string starts_json(const StartComparison& c, const BenchOptions& options) {
  const Json out = {{"tool", "nibble-bench"},     {"version", version()},      {"command", options.command},
                    {"model", options.models[0]}, {"cold", starts_of(c.cold)}, {"warm", starts_of(c.warm)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nibble::tools
