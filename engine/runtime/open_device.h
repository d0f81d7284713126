// What a public Device refers to: the gpu device and the pipelines that were compiled on it.
#pragma once

#include <atomic>
#include <memory>

#include "gpu/device.h"
#include "nibble/device.h"
#include "runtime/device_tuning.h"
#include "runtime/pipelines.h"

namespace nibble {

struct OpenDevice {
  explicit OpenDevice(gpu::Device device) : gpu(std::move(device)), tuning(gpu) {}
  gpu::Device gpu;
  PipelinePool pipelines;  // after gpu, so that it goes first
  DeviceTuning tuning;
  std::atomic<int64_t> sessions{0};   // that are alive
  std::atomic<bool> released{false};  // by Device::release()

  // An error after Device::release().
  Status check_open() const;

  const gpu::Caps& caps() const { return gpu.caps(); }
};

Device make_device(gpu::Device device);
void set_cache_data(const DeviceOptions& options, gpu::DeviceOptions& inner);

}  // namespace nibble
