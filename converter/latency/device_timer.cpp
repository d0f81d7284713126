#include "converter/latency/device_timer.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "kernels/kernel_table.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"

namespace nibble::latency {
namespace {

// Linear between the two nearest; `values` sorted, not empty.
double quantile(const std::vector<double>& values, double share) {
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

Result<Session> open(const Device& device, const Graph& graph, bool profile) {
  Graph copy = graph;
  NBL_CHECK(pack_graph(copy));
  NBL_TRY(const Model model, make_model(std::move(copy)));
  SessionOptions options;
  options.profile = profile;
  return Session::create(device, model, options);
}

Result<double> wall_ms(Session& session) {
  const auto start = std::chrono::steady_clock::now();
  NBL_CHECK(session.run());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double processor_ms() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

class DeviceTimer : public search::LayerTimer {
 public:
  explicit DeviceTimer(Device device) : device_(std::move(device)) {
    const std::string caps = device_.capabilities();
    key_ = format("%s %08x %08x", device_.name().c_str(), crc32c(std::as_bytes(std::span(caps))),
                  crc32c(std::as_bytes(std::span(packed_kernels().bytes))));
  }

  std::string device_key() const override { return key_; }
  std::string device_name() const override { return device_.name(); }

  Result<double> layer_ms(const Graph& single) override {
    NBL_TRY(Session session, open(device_, single, true));
    const std::string& name = single.nodes[0].name;
    std::vector<double> times;
    for (int i = 0; i < kWarmUps + kRuns; ++i) {
      NBL_TRY(const double wall, wall_ms(session));
      NBL_TRY(const std::vector<StepTime> steps, session.profile());
      double ms = steps.empty() ? wall : 0.0;
      for (const StepTime& step : steps) ms += step.label == name ? static_cast<double>(step.ns) / 1e6 : 0.0;
      if (i >= kWarmUps) times.push_back(ms);
    }
    return median(std::move(times));
  }

  Result<search::NetworkTime> network_time(const Graph& network, Look look) override {
    const bool glance = look == Look::glance;
    if (!reference_) {
      NBL_TRY(Session first, open(device_, network, false));
      reference_ = std::make_unique<Session>(std::move(first));
    }
    std::vector<double> times, processor, pace;
    for (int turn = 0; turn < (glance ? 1 : kSessions); ++turn) {
      NBL_TRY(Session session, open(device_, network, false));
      double left = glance ? 0.0 : 1e3 * kSeconds;
      for (int i = 0; i < kWarmUps + kRuns || left > 0.0; ++i) {
        NBL_TRY(const double beside, wall_ms(*reference_));
        const double before = processor_ms();
        NBL_TRY(const double wall, wall_ms(session));
        left -= wall;
        if (i < kWarmUps) continue;
        pace.push_back(beside);
        times.push_back(wall);
        processor.push_back(processor_ms() - before);
      }
    }
    const double now = median(std::move(pace));
    paces_.push_back(now);
    const double factor = now > 0.0 ? median(paces_) / now : 1.0;
    std::sort(times.begin(), times.end());
    return search::NetworkTime{factor * quantile(times, 0.5), factor * quantile(times, 0.25),
                               factor * quantile(times, 0.75), median(std::move(processor)), times.size()};
  }

 private:
  Device device_;
  std::string key_;
  // The first network that was measured runs in turns with every other: what it takes tells the machine's pace, and
  // times are given at the median of all paces so far.
  std::unique_ptr<Session> reference_;
  std::vector<double> paces_;
};

}  // namespace

std::unique_ptr<search::LayerTimer> make_device_timer(Device device) {
  return std::make_unique<DeviceTimer>(std::move(device));
}

}  // namespace nibble::latency
