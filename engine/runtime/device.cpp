#include "nibble/device.h"

#include <algorithm>
#include <charconv>

#include "core/rule.h"
#include "core/try.h"
#include "gpu/caps_mask.h"
#include "kernels/kernel_table.h"
#include "runtime/open_device.h"

namespace nibble {
namespace {

gpu::DeviceChoice parse_choice(const std::string& text) {
  gpu::DeviceChoice choice;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, choice.index);
  if (text.empty() || error != std::errc() || stop != end || choice.index < 0) {
    choice.index = -1;
    choice.name = text;
  }
  return choice;
}

}  // namespace

void set_cache_data(const DeviceOptions& options, gpu::DeviceOptions& inner) {
  inner.kernels = kernel_table_hash();
  inner.cache_blob = {reinterpret_cast<const char*>(options.cache_data.data()), options.cache_data.size()};
}

Device make_device(gpu::Device device) { return Device(std::make_shared<OpenDevice>(std::move(device))); }

Result<std::vector<DeviceInfo>> list_devices() {
  NBL_TRY(const auto summaries, gpu::list_devices());
  std::vector<DeviceInfo> infos;
  for (const gpu::DeviceSummary& summary : summaries) {
    infos.push_back({summary.index, summary.caps.device_name, gpu::to_string(summary.caps.device_type),
                     gpu::version_to_text(summary.caps.api_version), summary.memory_bytes, summary.refusal});
  }
  return infos;
}

Result<Device> Device::create(const DeviceOptions& options) {
  gpu::DeviceOptions inner;
  inner.choice = parse_choice(options.select);
  inner.validation = options.validation;
  inner.pipeline_cache_path = options.pipeline_cache;
  set_cache_data(options, inner);
  if (!options.mask.empty()) {
    NBL_TRY(inner.mask, gpu::parse_mask(options.mask));
  }
  NBL_TRY(gpu::Device device, gpu::Device::create(inner));
  return make_device(std::move(device));
}

const std::string& Device::name() const { return state_->caps().device_name; }

std::string Device::capabilities() const { return gpu::to_text(state_->caps()); }

CacheState Device::cache_state() const {
  const std::string& blob = state_->gpu.cache_blob_ignored();
  return {state_->gpu.pipeline_cache_bytes_loaded(), state_->tuning.choices()->size(),
          blob.empty() ? state_->tuning.ignored() : blob};
}

Status Device::save_pipeline_cache() const {
  NBL_CHECK(state_->check_open());
  return state_->gpu.save_pipeline_cache();
}

Result<std::vector<std::byte>> Device::cache_data() const {
  NBL_CHECK(state_->check_open());
  NBL_TRY(const std::string blob, state_->gpu.cache_blob(kernel_table_hash()));
  const auto bytes = std::as_bytes(std::span(blob));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Status OpenDevice::check_open() const {
  if (!released) return {};
  return broken_rule("device '" + caps().device_name + "' was released by the application: make a new one");
}

Status Device::release() {
  if (state_->released.exchange(true)) return {};
  if (const int64_t alive = state_->sessions; alive > 0) {
    state_->released = false;
    return broken_rule("device '" + name() + "' still has " + std::to_string(alive) +
                       (alive == 1 ? " session" : " sessions") +
                       ": a device outlives its sessions, destroy them first");
  }
  state_->pipelines.clear();
  Status closed = state_->gpu.close();
  if (!closed) state_->released = false;
  return closed;
}

}  // namespace nibble
