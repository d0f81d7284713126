// What a public Device refers to: the gpu device and the pipelines that were compiled on it.
#pragma once

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

  const gpu::Caps& caps() const { return gpu.caps(); }
};

Device make_device(gpu::Device device);

}  // namespace nibble
