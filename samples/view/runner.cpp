#include "view/runner.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <new>
#include <utility>

#include "core/text.h"
#include "core/try.h"
#include "format/reader.h"
#include "tools/inspect_facts.h"

namespace nibble::view {

struct Runner::Work {
  std::string select;
  std::optional<Device> device;
  struct Open {
    samples::PictureNet net;
    samples::Task derived;
    std::vector<LayerBits> layers;
    uint64_t file_bytes = 0;
    std::filesystem::file_time_type changed;
    bool warm = false;  // has run
  };
  std::map<std::string, Open> open;
};

namespace {

constexpr double kWorthRepeating = 2000;  // ms

// What is in the file, by layer.
Result<std::vector<LayerBits>> layers_of(const std::string& path, uint64_t& file_bytes) {
  NBL_TRY(ModelFacts facts, container_facts(path));
  NBL_TRY(const Graph graph, read_model(path, {.check_data = false}));
  add_graph(facts, graph, graph);
  file_bytes = facts.file_bytes;
  std::vector<LayerBits> out;
  for (const LayerFacts& layer : facts.layers) {
    if (layer.weights.empty()) continue;
    out.push_back({layer.name, layer.weights, bits_of(layer.weights), layer.bytes});
  }
  return out;
}

// Steps are called by what they compute: "conv1 + add1", "conv1: repack input".
int bits_of_step(const std::string& label, const std::vector<LayerBits>& layers) {
  const std::string first = label.substr(0, label.find(" + "));
  for (const LayerBits& layer : layers) {
    if (layer.name == first) return layer.bits;
  }
  return 0;
}

Status fill(NetResult& out, samples::PictureNet& net, const media::Image& picture) {
  out.memory = net.session().memory();
  switch (net.task()) {
    case samples::Task::classes: {
      NBL_TRY(out.classes, net.classes(5));
      break;
    }
    case samples::Task::boxes: {
      NBL_TRY(out.boxes, net.boxes());
      for (const media::Box& box : out.boxes) out.box_names.push_back(net.label_name(box.label));
      break;
    }
    case samples::Task::mask: {
      NBL_TRY(const samples::Mask mask, net.mask());
      out.shown = std::make_shared<media::Image>(samples::overlay(picture, mask, 0.55f));
      break;
    }
    case samples::Task::picture: {
      NBL_TRY(media::Image made, net.picture());
      out.shown = std::make_shared<media::Image>(std::move(made));
      break;
    }
    case samples::Task::numbers: break;
  }
  for (const tools::Output& output : net.outputs()) {
    std::string line = tools::summary_text(output);
    while (!line.empty() && line.back() == '\n') line.pop_back();
    out.summary += (out.summary.empty() ? "" : "; ") + line;
  }
  return {};
}

}  // namespace

int bits_of(const std::string& weights) {
  if (weights.find("lut4") != std::string::npos) return 4;
  const size_t digit = weights.find_first_of("0123456789");
  if (digit == std::string::npos) return 0;
  const int bits = std::atoi(weights.c_str() + digit);
  return bits > 64 ? 0 : bits;
}

Runner::Runner() : thread_([this] { loop(); }) {}

Runner::~Runner() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

uint64_t Runner::request(RunRequest request) {
  const std::lock_guard lock(mutex_);
  next_ = std::move(request);
  results_.clear();
  ++generation_;
  wake_.notify_one();
  return generation_;
}

std::optional<NetResult> Runner::poll() {
  const std::lock_guard lock(mutex_);
  if (results_.empty()) return std::nullopt;
  NetResult out = std::move(results_.front());
  results_.erase(results_.begin());
  return out;
}

bool Runner::busy() const {
  const std::lock_guard lock(mutex_);
  return running_ || next_.has_value() || !results_.empty();
}

std::string Runner::device_name() const {
  const std::lock_guard lock(mutex_);
  return device_name_;
}

void Runner::loop() {
  Work work;
  for (;;) {
    RunRequest request;
    uint64_t generation = 0;
    {
      std::unique_lock lock(mutex_);
      running_ = false;
      wake_.wait(lock, [&] { return stop_ || next_; });
      if (stop_) return;
      request = *std::exchange(next_, std::nullopt);
      generation = generation_;
      running_ = true;
    }
    run(request, generation, work);
  }
}

void Runner::run(const RunRequest& request, uint64_t generation, Work& work) {
  std::string device_error;
  if (!work.device || work.select != request.device) {
    work.open.clear();
    work.device.reset();
    auto device = Device::create({.select = request.device});
    if (device) {
      work.device = std::move(*device);
      work.select = request.device;
    } else {
      device_error = device.error().message;
    }
    const std::lock_guard lock(mutex_);
    device_name_ = work.device ? work.device->name() : "";
  }
  const auto one = [&](const std::string& path, NetResult& out) -> Status {
    if (!work.device) return Error{Code::not_found, device_error};
    std::error_code absent;
    const auto changed = std::filesystem::last_write_time(path, absent);
    auto found = work.open.find(path);
    if (found != work.open.end() && (absent || found->second.changed != changed)) {
      work.open.erase(found);
      found = work.open.end();
    }
    if (found == work.open.end()) {
      uint64_t file_bytes = 0;
      NBL_TRY(std::vector<LayerBits> layers, layers_of(path, file_bytes));
      NBL_TRY(samples::PictureNet net, samples::PictureNet::open(*work.device, path, {.profile = true}));
      const samples::Task derived = net.task();
      found =
          work.open.emplace(path, Work::Open{std::move(net), derived, std::move(layers), file_bytes, changed}).first;
    }
    Work::Open& open = found->second;
    open.net.set_task(request.task.value_or(open.derived));
    out.task = open.net.task();
    out.layers = open.layers;
    out.file_bytes = open.file_bytes;
    if (!request.picture) return {};
    NBL_CHECK(open.net.run(*request.picture));
    // In the first run of a size drivers may still compile: where it costs little, the second tells the time.
    out.first_run = !std::exchange(open.warm, true);
    if (out.first_run && open.net.run_ms() < kWorthRepeating) {
      NBL_CHECK(open.net.run(*request.picture));
      out.first_run = false;
    }
    out.run_ms = open.net.run_ms();
    NBL_TRY(const std::vector<StepTime> steps, open.net.session().profile());
    for (const StepTime& step : steps) {
      out.steps.push_back(
          {step.label, step.kernel, static_cast<double>(step.ns) / 1e6, bits_of_step(step.label, open.layers)});
    }
    return fill(out, open.net, *request.picture);
  };
  for (const std::string& path : request.networks) {
    NetResult out;
    out.path = path;
    out.generation = generation;
    Status status;
    try {
      status = one(path, out);
    } catch (const std::bad_alloc&) {  // a huge picture, say: the window stays
      status = Error{Code::out_of_memory, path + ": there is not enough memory for this network and picture"};
    }
    if (!status) {
      out.error = status.error().message;
      // A lost device is opened anew by the next request; a network that failed half-way is too.
      work.open.erase(path);
      if (status.error().code == Code::device_lost) {
        work.open.clear();
        work.device.reset();
        device_error = out.error;  // for the networks after this one
        const std::lock_guard lock(mutex_);
        device_name_.clear();
      }
    }
    const std::lock_guard lock(mutex_);
    if (stop_ || generation != generation_) return;
    results_.push_back(std::move(out));
  }
  // Networks that are shown no longer give their memory back.
  std::erase_if(work.open, [&](const auto& entry) {
    return std::find(request.networks.begin(), request.networks.end(), entry.first) == request.networks.end();
  });
}

}  // namespace nibble::view
