#include "converter/latency/device_timer.h"

#include <algorithm>
#include <chrono>

#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "kernels/kernel_table.h"
#include "nibble/session.h"
#include "runtime/model_internal.h"

namespace nibble::latency {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
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

  Result<double> network_ms(const Graph& network) override {
    NBL_TRY(Session session, open(device_, network, false));
    std::vector<double> times;
    for (int i = 0; i < kWarmUps + kRuns; ++i) {
      NBL_TRY(const double wall, wall_ms(session));
      if (i >= kWarmUps) times.push_back(wall);
    }
    return median(std::move(times));
  }

 private:
  Device device_;
  std::string key_;
};

}  // namespace

std::unique_ptr<search::LayerTimer> make_device_timer(Device device) {
  return std::make_unique<DeviceTimer>(std::move(device));
}

}  // namespace nibble::latency
