#include <algorithm>
#include <map>
#include <numeric>

#include "core/text.h"
#include "runtime/open_device.h"
#include "tools/bench_report.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

std::string ms(double value) { return time_text(value); }

double giga_per_second(uint64_t count, double ns) { return ns > 0 ? static_cast<double>(count) / ns : 0.0; }

std::string cold_text(const Contender& c) {
  return format("  cold start  %s: read %s, plan %s, %llu pipelines %s, upload of %s %s, session %s, first run %s\n",
                ms(c.cold.total()).c_str(), ms(c.cold.read).c_str(), ms(c.cold.plan).c_str(),
                static_cast<unsigned long long>(c.pipelines_made), ms(c.cold.pipelines).c_str(),
                bytes_text(c.uploaded_bytes).c_str(), ms(c.cold.upload).c_str(), ms(c.cold.session).c_str(),
                ms(c.cold.first_run).c_str());
}

std::string runs_text(const Contender& c) {
  const Statistics s = statistics(c.run_ms);
  std::string out =
      format("  run         median %s, p10 %s, p90 %s, p99 %s, min %s, max %s of %zu\n", ms(s.median).c_str(),
             ms(s.p10).c_str(), ms(s.p90).c_str(), ms(s.p99).c_str(), ms(s.min).c_str(), ms(s.max).c_str(), s.count);
  // A multiply-add counts as two operations.
  out += format("  work        %zu steps, %.4g million multiply-adds (%.1f %% in integers), %.4g GOP/s\n", c.plan_steps,
                static_cast<double>(c.multiply_adds) / 1e6, 100 * c.integer_share,
                giga_per_second(2 * c.multiply_adds, s.median * 1e6));
  const MemoryUse& m = c.memory;
  out += format("  device      %s: weights %s, activations %s, tables %s, inputs %s, outputs %s\n",
                bytes_text(m.total()).c_str(), bytes_text(m.weights).c_str(), bytes_text(m.activations).c_str(),
                bytes_text(m.tables).c_str(), bytes_text(m.inputs).c_str(), bytes_text(m.outputs).c_str());
  return out;
}

// A column of its own only where the ceilings are known.
std::string floor_column(double floor, double ns) {
  if (floor <= 0) return {};
  return ns > 0 ? format("  %6.1f%%", 100 * floor / ns) : format("  %7s", "-");
}

std::string kernels_text(const Contender& c, double total) {
  struct Sum {
    double ns = 0, floor = 0;
    uint64_t multiply_adds = 0, bytes = 0;
    size_t steps = 0;
  };
  std::map<std::string, Sum> sums;
  for (const StepFigures& step : c.steps) {
    Sum& sum = sums[step.kernel];
    sum.ns += step.ns, sum.multiply_adds += step.work.multiply_adds, sum.bytes += step.work.bytes, ++sum.steps;
    if (step.floor) sum.floor += step.floor->ns;
  }
  std::vector<std::pair<std::string, Sum>> rows(sums.begin(), sums.end());
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.ns > b.second.ns; });
  std::string out = format("\n  %10s  %6s  %8s  %8s%s  %6s  kernel\n", "time", "share", "GOP/s", "GB/s",
                           floor_ns(c) > 0 ? "    floor" : "", "steps");
  for (const auto& [name, sum] : rows) {
    out += format("  %10s  %5.1f%%  %8.3g  %8.3g%s  %6zu  %s\n", ms(sum.ns / 1e6).c_str(), 100 * sum.ns / total,
                  giga_per_second(2 * sum.multiply_adds, sum.ns), giga_per_second(sum.bytes, sum.ns),
                  floor_column(sum.floor, sum.ns).c_str(), sum.steps, name.c_str());
  }
  return out;
}

std::string step_rows(const Contender& c, const BenchOptions& options, double total) {
  std::vector<size_t> order(c.steps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t shown =
      options.shown_steps == 0 ? order.size() : std::min(order.size(), static_cast<size_t>(options.shown_steps));
  if (shown < order.size()) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return c.steps[a].ns > c.steps[b].ns; });
  }
  const bool floors = floor_ns(c) > 0;
  std::string out =
      format("\n  %10s  %6s  %8s  %8s%s  %-28s  step%s\n", "time", "share", "GOP/s", "GB/s",
             floors ? "    floor  bound by " : "", "kernel",
             shown < order.size() ? format(" (the %zu slowest of %zu)", shown, order.size()).c_str() : "");
  for (size_t i = 0; i < shown; ++i) {
    const StepFigures& step = c.steps[order[i]];
    std::string floor;
    if (step.floor) {
      floor = floor_column(step.floor->ns, step.ns) + format("  %-9s", to_string(step.floor->bound));
    }
    out += format("  %10s  %5.1f%%  %8.3g  %8.3g%s  %-28s  %s\n", ms(step.ns / 1e6).c_str(), 100 * step.ns / total,
                  giga_per_second(2 * step.work.multiply_adds, step.ns), giga_per_second(step.work.bytes, step.ns),
                  floor.c_str(), step.kernel.c_str(), printable(step.label).c_str());
  }
  return out;
}

std::string steps_text(const Contender& c, const BenchOptions& options) {
  const double total = steps_ns(c), floor = floor_ns(c), run_ns = 1e6 * statistics(c.run_ms).median;
  std::string out;
  if (floor > 0) {
    out += format("  floors      %s for all steps together: %.1f %% of the time of a run\n", ms(floor / 1e6).c_str(),
                  run_ns > 0 ? 100 * floor / run_ns : 0.0);
  }
  if (total <= 0) return out + "  steps       this device has no timestamps\n";
  out += format("  on device   %s in steps, by its own clock\n", ms(total / 1e6).c_str());
  return out + kernels_text(c, total) + step_rows(c, options, total);
}

std::string jitter_text(const Contender& c, const std::vector<double>& void_ms) {
  const double own = jitter(c.run_ms), nothing = jitter(void_ms);
  return format("  jitter      p99 / median %.3f, of a dispatch that does nothing %.3f: %.2f times as much\n", own,
                nothing, nothing > 0 ? own / nothing : 0.0);
}

std::string slices_text(const SliceFigures& f) {
  std::vector<double> sorted = f.overshoot_ms;
  std::sort(sorted.begin(), sorted.end());
  return format(
      "  slices      of %s: %.1f a run, %zu in %zu runs, %.1f %% within the budget; beyond it median %s, p95 %s, worst "
      "%s "
      "(longest piece %s)\n",
      ms(f.budget_ms).c_str(), f.slices_per_run(), f.took_ms.size(), f.runs, 100 * f.within(),
      ms(quantile(sorted, 0.5)).c_str(), ms(quantile(sorted, 0.95)).c_str(),
      ms(sorted.empty() ? 0 : sorted.back()).c_str(), ms(f.longest_step_ms).c_str());
}

std::string precision_text(const PrecisionGain& gain) {
  std::string out =
      format("\ngain    %s is %.2f times as fast as %s", to_string(gain.fast), gain.ratio, to_string(gain.slow));
  if (gain.share) out += format(", %.0f %% of what the matrix products gain", 100 * *gain.share);
  return out + "\n";
}

}  // namespace

std::string bench_text(const BenchResults& r, const Device& device, const BenchOptions& options) {
  const gpu::Caps& caps = device.state()->caps();
  std::string out = format("device  %s, Vulkan %s, opened in %s\n", printable(device.name()).c_str(),
                           gpu::version_to_text(caps.api_version).c_str(), ms(r.open_device_ms).c_str());
  out += format("empty   submission %s, one step that moves one number %s (medians)\n",
                ms(r.overhead.empty_submit.median).c_str(), ms(r.overhead.one_step.median).c_str());
  if (r.roofline) out += roofline_text(*r.roofline);
  for (const auto& contender : r.contenders) {
    out += format("\n%s  (%s)\n", printable(contender->path).c_str(), bytes_text(contender->file_bytes).c_str());
    out += cold_text(*contender) + runs_text(*contender);
    if (!r.void_ms.empty()) out += jitter_text(*contender, r.void_ms);
    if (contender->slices) out += slices_text(*contender->slices);
    if (options.steps) out += steps_text(*contender, options);
  }
  if (r.ratio) {
    out +=
        format("\nratio   second to first %.3f, between %.3f and %.3f (median of %zu pairs in turns, 95 %% interval)\n",
               r.ratio->median, r.ratio->low, r.ratio->high, r.ratio->pairs);
  }
  if (r.precision) out += precision_text(*r.precision);
  if (r.contenders.empty()) return out;
  out += format("\nmemory  device at most %s, process %s (at most %s)\n", bytes_text(r.device_peak_bytes).c_str(),
                bytes_text(r.process.resident).c_str(), bytes_text(r.process.peak).c_str());
  return out;
}

}  // namespace nibble::tools
