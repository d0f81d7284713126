// nibble-tune: measures which kernels run a network fastest on a device, and keeps that for later runs.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/atomic_file.h"
#include "core/text.h"
#include "core/try.h"
#include "nibble/tune.h"
#include "nibble/version.h"
#include "runtime/open_device.h"
#include "tools/tool_device.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

constexpr const char* kExamples = R"(
Every kernel and tile computes the same, so tuning changes times only. Results lie in the file of --pipeline-cache beside
the compiled pipelines and hold for this device, its driver, the kernels of this version, and the sizes given by --dim.
Programs that open the device with that file use them. A second call goes on where the time limit ended the first.

Examples:
  nibble-tune net.nbl --pipeline-cache cache.bin
  nibble-tune net.nbl --pipeline-cache cache.bin --dim N=8 --time-limit 300
  nibble-run net.nbl --pipeline-cache cache.bin --input photo.jpg
      runs with what was found)";

struct Options {
  std::vector<std::string> models, dims;
  double time_limit = 60;
  bool again = false;
  DeviceRequest device;
};

std::string percent_text(double before, double after) {
  return before > 0 && after > 0 ? format("%.2fx", before / after) : std::string("-");
}

void print_report(const std::string& path, const TuneReport& report) {
  std::printf("%s\n", path.c_str());
  if (!report.steps.empty()) {
    std::printf("  %10s  %10s  %6s  %5s  %5s  step\n", "untuned", "chosen", "gain", "steps", "tried");
  }
  for (const TunedStep& step : report.steps) {
    const bool same = step.chosen == step.untuned;
    std::printf("  %10s  %10s  %6s  %5zu  %5zu  %s: %s%s\n", time_text(step.untuned_us / 1e3).c_str(),
                time_text(step.chosen_us / 1e3).c_str(), percent_text(step.untuned_us, step.chosen_us).c_str(),
                step.steps, step.tried, printable(step.label).c_str(), step.chosen.c_str(),
                same ? " (as untuned)" : ("; untuned " + step.untuned).c_str());
  }
  std::printf("  %zu of %zu problems measured in %.1f s", report.steps.size(), report.problems, report.seconds);
  if (report.known > 0) std::printf(", %zu known from before", report.known);
  std::printf("\n");
  if (report.tuned_ms > 0) {
    std::printf("  whole network: untuned %s, tuned %s, %s%s\n", time_text(report.untuned_ms).c_str(),
                time_text(report.tuned_ms).c_str(), percent_text(1, report.ratio).c_str(),
                report.kept ? "" : ": not faster, so the untuned choice stays");
  }
  if (report.problems == 0) {
    std::printf("  nothing in this network has more than one kernel or tile to choose from\n");
  } else if (report.not_reached > 0) {
    std::printf("  the time limit ended it: %zu problems are not or not fully measured%s\n", report.not_reached,
                report.tuned_ms > 0 ? "; call it again to go on" : " and the untuned choice stays; give it more time");
  }
}

Status tune_all(const Options& options) {
  if (options.device.list) return print_devices();
  if (options.models.empty()) {
    return Error{Code::invalid_argument, "which .nbl file? (nibble-tune --help shows the options)"};
  }
  NBL_TRY(const auto dims, parse_dims(options.dims));
  NBL_TRY(const Device device, open_device(options.device));
  const std::string& path = device.state()->gpu.pipeline_cache_path();
  if (path.empty()) {
    return Error{Code::invalid_argument,
                 "where shall the results be kept? (--pipeline-cache FILE, or $NIBBLE_PIPELINE_CACHE)"};
  }
  // A place that cannot be written is better known before the measurements.
  NBL_CHECK(AtomicFile::create(path));
  for (const std::string& file : options.models) {
    NBL_TRY(const Model model, Model::load(file));
    TuneOptions tuning;
    tuning.dims = dims;
    tuning.time_limit =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(options.time_limit));
    tuning.again = options.again;
    tuning.progress = [](const TuneProgress& progress) {
      if (progress.done == progress.total) return;
      std::fprintf(stderr, "%5.1f s  problem %zu of %zu: %s\n", progress.seconds, progress.done + 1, progress.total,
                   printable(progress.label).c_str());
    };
    auto report = tune(device, model, tuning);
    if (!report) return Error(report.error()).with_context(file);
    print_report(file, *report);
    NBL_CHECK(device.save_pipeline_cache());
  }
  return close_device(device);
}

std::optional<int> parse(int argc, char** argv, Options& o) {
  CLI::App app{"Measures which kernels run a .nbl network fastest on a Vulkan device.", "nibble-tune"};
  app.set_version_flag("--version", std::string("nibble-tune ") + version());
  app.footer(kExamples);
  app.add_option("models", o.models, "the .nbl files");
  app.add_option("--dim", o.dims, "size of a free dimension, NAME=SIZE (repeatable)")->allow_extra_args(false);
  app.add_option("--time-limit", o.time_limit, "seconds for each file, compiling included")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_flag("--again", o.again, "measure anew what is known from a former call");
  add_device_options(app, o.device);
  return parse_arguments(app, argc, argv);
}

}  // namespace
}  // namespace nibble::tools

int main(int argc, char** argv) {
  nibble::tools::Options options;
  if (const auto code = nibble::tools::parse(argc, argv, options)) return *code;
  return nibble::tools::run_tool("nibble-tune", [&] { return nibble::tools::tune_all(options); });
}
