#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "media/media_testing.h"
#include "tool_models.h"
#include "tool_process.h"

namespace nibble::test {
namespace {

using media::test::TempFolder;
using nlohmann::json;

json json_of(const std::string& text) {
  json out = json::parse(text, nullptr, false);
  EXPECT_FALSE(out.is_discarded()) << text;
  return out;
}

void expect_run_figures(const json& model, size_t runs) {
  EXPECT_EQ(model["runs_ms"].size(), runs);
  const json& latency = model["latency_ms"];
  EXPECT_EQ(latency["count"], runs);
  for (const char* key : {"min", "p10", "median", "p90", "p99", "max"}) EXPECT_GT(latency[key].get<double>(), 0) << key;
  EXPECT_LE(latency["min"], latency["median"]);
  EXPECT_EQ(model["processor_ms"]["count"], runs);
  EXPECT_GE(model["processor_ms"]["min"].get<double>(), 0);
  EXPECT_LE(latency["median"], latency["max"]);
  double parts = 0;
  for (const char* key : {"read", "plan", "pipelines", "upload", "session", "first_run"})
    parts += model["cold_start_ms"][key].get<double>();
  EXPECT_NEAR(parts, model["cold_start_ms"]["total"].get<double>(), 1e-6);
}

TEST(BenchTest, writes_all_figures_as_json) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const std::string text = output_of(NIBBLE_BENCH, {folder / "net.nbl", "--dim", "N=2", "--dim", "H=5", "--runs", "4",
                                                    "--json", folder / "bench.json"});
  EXPECT_NE(text.find("median"), std::string::npos) << text;
  const json result = json_of(media::test::bytes_of(folder / "bench.json"));
  EXPECT_FALSE(result["device"]["name"].get<std::string>().empty());
  EXPECT_EQ(result["command"].size(), 10u);
  EXPECT_GT(result["empty_submit_ms"]["median"].get<double>(), 0);
  EXPECT_GT(result["one_step_ms"]["median"].get<double>(), 0);
  EXPECT_FALSE(result.contains("ratio"));
  ASSERT_EQ(result["models"].size(), 1u);
  const json& model = result["models"][0];
  expect_run_figures(model, 4);
  EXPECT_EQ(model["dims"], json({{"N", 2}, {"H", 5}}));
  EXPECT_EQ(model["file_bytes"], std::filesystem::file_size(folder / "net.nbl"));
  // 2 x 3 x 5 x 1 floats go in.
  EXPECT_GE(model["device_bytes"]["inputs"].get<uint64_t>(), 120u);
  EXPECT_GE(result["device_peak_bytes"].get<uint64_t>(), model["device_bytes"]["total"].get<uint64_t>());
  if (!model["steps"].empty()) {
    EXPECT_EQ(model["steps"].size(), model["plan_steps"].get<size_t>());
    EXPECT_NE(model["steps"].dump().find("reduce_f32"), std::string::npos);
  }
}

TEST(BenchTest, compares_two_files_in_turns) {
  const TempFolder folder;
  write_color_classifier(folder / "a.nbl");
  write_color_classifier(folder / "b.nbl");
  const json result = json_of(output_of(
      NIBBLE_BENCH, {folder / "a.nbl", folder / "b.nbl", "--runs", "5", "--warmup", "0", "--no-steps", "--json", "-"}));
  ASSERT_EQ(result["models"].size(), 2u);
  for (const json& model : result["models"]) {
    expect_run_figures(model, 5);
    EXPECT_FALSE(model.contains("steps"));
  }
  EXPECT_EQ(result["ratio"]["pairs"], 5);
  EXPECT_LE(result["ratio"]["low"], result["ratio"]["second_to_first"]);
  EXPECT_LE(result["ratio"]["second_to_first"], result["ratio"]["high"]);
}

TEST(BenchTest, holds_steps_against_the_ceilings) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const json result = json_of(output_of(
      NIBBLE_BENCH, {folder / "net.nbl", "--runs", "3", "--roofline", "--gemm", "16", "--jitter", "--json", "-"}));
  const json& model = result["models"][0];
  ASSERT_EQ(model["steps"].size(), model["plan_steps"].get<size_t>());
  double floors = 0;
  for (const json& step : model["steps"]) {
    floors += step["floor_ns"].get<double>();
    EXPECT_GT(step["floor_ns"].get<double>(), 0);
    // Only bytes move in this network.
    EXPECT_TRUE(step["bound"] == "dispatch" || step["bound"] == "bandwidth") << step;
  }
  EXPECT_NEAR(model["floor_ns"].get<double>(), floors, 1e-6 * floors);
  EXPECT_GT(model["share_of_floor"].get<double>(), 0);
  EXPECT_EQ(result["void_ms"]["count"], 3);
  EXPECT_GE(model["jitter"]["p99_to_median"].get<double>(), 1);
  EXPECT_GE(model["jitter"]["void_p99_to_median"].get<double>(), 1);
  const std::string text = output_of(NIBBLE_BENCH, {folder / "net.nbl", "--runs", "3", "--jitter", "--no-steps"});
  EXPECT_NE(text.find("jitter"), std::string::npos) << text;
}

TEST(BenchTest, starts_with_a_cache_and_without) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const json result = json_of(output_of(NIBBLE_BENCH, {folder / "net.nbl", "--starts", "2", "--json", "-"}));
  for (const char* kind : {"cold", "warm"}) {
    ASSERT_EQ(result[kind]["starts_ms"].size(), 2u);
    for (const json& start : result[kind]["starts_ms"]) {
      double parts = 0;
      for (const char* key : {"open_device", "read", "plan", "pipelines", "upload", "session", "first_run"}) {
        EXPECT_GT(start[key].get<double>(), 0) << key;
        parts += start[key].get<double>();
      }
      EXPECT_NEAR(start["total"].get<double>(), parts, 1e-6);
      EXPECT_GT(start["tenth_run"].get<double>(), 0);
    }
    EXPECT_GT(result[kind]["median_ms"]["first_run"].get<double>(), 0);
  }
  const std::string text = output_of(NIBBLE_BENCH, {folder / "net.nbl", "--starts", "1"});
  EXPECT_EQ(text.find("cold  "), 0u) << text;
  EXPECT_NE(text.find("\nwarm  "), std::string::npos) << text;
  EXPECT_NE(text.find("tenth run"), std::string::npos) << text;
}

TEST(BenchTest, measures_slices) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const json result = json_of(
      output_of(NIBBLE_BENCH, {folder / "net.nbl", "--runs", "4", "--no-steps", "--slice", "0.001", "--json", "-"}));
  const json& slices = result["models"][0]["slices"];
  EXPECT_EQ(slices["runs"], 4);
  EXPECT_EQ(slices["took_ms"].size(), slices["slices"]);
  EXPECT_GE(slices["slices_per_run"].get<double>(), 1);
  const json& over = slices["overshoot_ms"];
  EXPECT_GE(over["median"].get<double>(), 0);
  EXPECT_LE(over["median"], over["p95"]);
  EXPECT_LE(over["p95"], over["worst"]);
  double worst = 0;
  for (const json& took : slices["took_ms"]) worst = std::max(worst, took.get<double>() - 0.001);
  EXPECT_NEAR(over["worst"].get<double>(), worst, 1e-6);
  const std::string text = output_of(NIBBLE_BENCH, {folder / "net.nbl", "--runs", "3", "--no-steps", "--slice", "100"});
  EXPECT_NE(text.find("slices      of 100"), std::string::npos) << text;
}

TEST(BenchTest, does_without_timestamps) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const std::string text = output_of(NIBBLE_BENCH, {folder / "net.nbl", "--runs", "2", "--mask", "minimum"});
  EXPECT_NE(text.find("no timestamps"), std::string::npos) << text;
}

TEST(BenchTest, compares_two_builds_in_turns) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const std::vector<std::string> arguments = {folder / "net.nbl", "--dim",      "N=3",     "--runs", "3",
                                              "--against",        NIBBLE_BENCH, "--turns", "2"};
  EXPECT_NE(output_of(NIBBLE_BENCH, arguments).find("other to this"), std::string::npos);
  std::vector<std::string> as_json = arguments;
  as_json.insert(as_json.end(), {"--json", "-"});
  const json result = json_of(output_of(NIBBLE_BENCH, as_json));
  for (const char* build : {"this", "other"}) {
    EXPECT_EQ(result[build]["turns_ms"].size(), 2u);
    EXPECT_EQ(result[build]["runs_ms"].size(), 6u);
    EXPECT_GT(result[build]["median_ms"].get<double>(), 0);
  }
  EXPECT_EQ(result["ratio"]["pairs"], 2);
  EXPECT_GT(result["ratio"]["other_to_this"].get<double>(), 0);
}

TEST(BenchTest, measures_integer_inputs) {
  const TempFolder folder;
  write_integers(folder / "net.nbl");
  const json result = json_of(output_of(NIBBLE_BENCH, {folder / "net.nbl", "--runs", "2", "--json", "-"}));
  expect_run_figures(result["models"][0], 2);
}

TEST(BenchTest, measures_the_ceilings_of_the_device) {
  const json result = json_of(output_of(NIBBLE_BENCH, {"--roofline", "--gemm", "64", "--json", "-"}));
  EXPECT_TRUE(result["models"].empty());
  const json& ceilings = result["roofline"]["ceilings"];
  const std::string capabilities = result["device"]["capabilities"];
  for (const auto& [name, rate] : ceilings.items()) {
    const char* feature = name == "fp16_flops" ? "float16" : name == "int8_dot_ops" ? "dot8" : "";
    if (name == "bandwidths") continue;
    if (capabilities.find(feature) == std::string::npos) {
      EXPECT_TRUE(rate.is_null()) << name;
    } else {
      EXPECT_GT(rate.get<double>(), 0) << name;
    }
  }
  EXPECT_EQ(ceilings.size(), 11u);
  ASSERT_EQ(ceilings["bandwidths"].size(), 3u);
  for (const json& bandwidth : ceilings["bandwidths"]) {
    EXPECT_GT(bandwidth["read_bytes_per_s"].get<double>(), 0);
    EXPECT_GT(bandwidth["copy_bytes_per_s"].get<double>(), 0);
  }
  EXPECT_GE(ceilings["int8_ops"], ceilings["int8_f32_ops"]);
  ASSERT_EQ(result["roofline"]["gemm"].size(), 3u);
  EXPECT_EQ(result["roofline"]["gemv"].size(), 9u);
  for (const char* list : {"gemm", "gemv"}) {
    for (const json& product : result["roofline"][list]) {
      EXPECT_GT(product["ops_per_s"].get<double>(), 0) << product;
      EXPECT_GE(product["median_ns"], product["ns"]);
      EXPECT_FALSE(product["kernel"].get<std::string>().empty());
    }
  }
  // 64 x 64 weights; int4 with a multiplier of a byte for each 32.
  EXPECT_EQ(result["roofline"]["gemm"][0]["weight_bytes"], 4 * 64 * 64);
  EXPECT_EQ(result["roofline"]["gemm"][1]["weight_bytes"], 64 * 64);
  EXPECT_EQ(result["roofline"]["gemm"][2]["weight_bytes"], 64 * 64 / 2 + 64 * 2);
}

TEST(BenchTest, refuses_results_that_are_not_numbers) {
  const TempFolder folder;
  write_broken(folder / "net.nbl");
  expect_refused(run_tool(NIBBLE_BENCH, {folder / "net.nbl", "--json", folder / "bench.json"}),
                 {"net.nbl", "'y'", "NaN"});
  EXPECT_EQ(folder.files(), 1u);
}

TEST(BenchTest, refuses_bad_input_in_one_line) {
  const TempFolder folder;
  write_color_classifier(folder / "net.nbl");
  const auto refuses = [&](const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    expect_refused(run_tool(NIBBLE_BENCH, arguments), words);
  };
  refuses({}, {".nbl file"});
  refuses({folder / "absent.nbl"}, {"absent.nbl", "no such file"});
  refuses({folder.path()}, {folder.path(), "folder"});
  refuses({folder / "net.nbl", "--dim", "Q=3"}, {"'Q'", "H, N, W"});
  refuses({folder / "net.nbl", "--runs", "-1"}, {"--runs"});
  refuses({"--starts", "2"}, {".nbl file"});
  refuses({folder / "net.nbl", folder / "net.nbl", "--starts", "2"}, {"--starts", "one .nbl file"});
  refuses({folder / "net.nbl", "--starts", "2", "--slice", "1"}, {"--starts", "--slice"});
  refuses({folder / "net.nbl", "--starts", "2", "--runs", "5"}, {"--starts", "--runs"});
  refuses({folder / "net.nbl", "--starts", "2", "--warmup", "2"}, {"--starts", "--warmup"});
  refuses({folder / "net.nbl", "--starts", "2", "--pipeline-cache", folder / "c"}, {"--starts", "--pipeline-cache"});
  refuses({folder / "absent.nbl", "--starts", "1"}, {"--starts", "absent.nbl"});
  refuses({"--roofline", "--slice", "1"}, {"--slice", ".nbl file"});
  refuses({folder / "net.nbl", "--gemm", "512"}, {"--gemm", "--roofline"});
  refuses({"--roofline", "--gemm", "1"}, {"--gemm"});
  refuses({folder / "net.nbl", "--runs", "0"}, {"--runs"});
  refuses({"--roofline", "--jitter"}, {"--jitter", ".nbl file"});
  refuses({folder / "net.nbl", "--roofline", "--no-steps"}, {"--roofline", "--no-steps"});
  refuses({folder / "net.nbl", "--turns", "3"}, {"--turns", "--against"});
  const std::string self = NIBBLE_BENCH;
  refuses({folder / "net.nbl", folder / "net.nbl", "--against", self}, {"--against", "two were given"});
  refuses({"--against", self}, {".nbl file"});
  refuses({folder / "net.nbl", "--against", self, "--roofline"}, {"--against", "--roofline"});
  refuses({folder / "net.nbl", "--against", folder / "absent"}, {"absent", "cannot be started"});
  refuses({folder / "net.nbl", "--against", folder.path()}, {folder.path(), "cannot be started"});
  refuses({folder / "net.nbl", "--against", "/bin/echo"}, {"/bin/echo", "times of a run"});
  refuses({folder / "net.nbl", "--against", "/bin/false"}, {"/bin/false", "ended with 1"});
  refuses({folder / "absent.nbl", "--against", self}, {"absent.nbl", "no such file"});
  refuses({folder / "net.nbl", "--kernel", "reduce=nothing"}, {"nothing"});
  refuses({folder / "net.nbl", "--json", folder / "absent/b.json"}, {"absent/b.json", "cannot be created"});
  refuses({folder / "net.nbl", "--device", "no such gpu"}, {"no such gpu"});
  if (std::filesystem::exists("/dev/full")) {
    refuses({folder / "net.nbl", "--runs", "1", "--no-steps", "--json", "/dev/full"}, {"/dev/full", "No space left"});
  }
  EXPECT_EQ(folder.files(), 1u);
}

}  // namespace
}  // namespace nibble::test
