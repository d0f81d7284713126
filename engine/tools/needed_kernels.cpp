#include "tools/needed_kernels.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/plan.h"

namespace nibble::tools {
namespace {

// The least that Vulkan 1.1 allows, and a device that has everything.
std::vector<gpu::Caps> devices() {
  gpu::Caps least;
  gpu::Caps most;
  most.bits = gpu::Caps::all_bits;
  most.max_storage_buffers = 64;
  most.max_workgroup_size = {1024, 1024, 64};
  most.max_workgroup_invocations = 1024;
  most.shared_bytes = 65536;
  most.max_buffer_range = uint64_t{1} << 32;
  most.max_allocation = uint64_t{1} << 32;
  most.subgroup_size = 32;
  std::vector<gpu::Caps> out;
  for (gpu::Caps caps : {least, most}) {
    for (const gpu::DeviceType type : {gpu::DeviceType::discrete, gpu::DeviceType::cpu}) {
      caps.device_type = type;
      if (type == gpu::DeviceType::cpu) caps.subgroup_size = std::min(caps.subgroup_size, 8u);
      caps.int8_path = gpu::choose_int8_path(caps);
      out.push_back(caps);
    }
  }
  return out;
}

// As given, and with larger sizes where none was given: a convolution of one row and one of many use other kernels.
std::vector<DimBindings> sizes(const Graph& graph, const DimBindings& dims) {
  std::vector<DimBindings> out{dims};
  for (const int64_t size : {int64_t{4}, int64_t{64}}) {
    DimBindings larger = dims;
    for (const std::string& name : free_dims(graph)) larger.try_emplace(name, size);
    if (larger != dims) out.push_back(std::move(larger));
  }
  return out;
}

// One row of a matrix, or several, or so many that tiles are worth staging: which one a network comes to is a matter of
// its free dimensions and of the device.
bool may_stand_for(Family row, Family asked) {
  const auto is_product = [](Family f) {
    return f == Family::gemv || f == Family::conv2d || f == Family::conv2d_shared;
  };
  return row == asked || (is_product(row) && is_product(asked));
}

}  // namespace

Result<std::vector<std::string>> needed_kernels(const Graph& graph, const DimBindings& dims) {
  const std::span<const Kernel> table = kernel_table();
  std::vector<const Kernel*> asked;
  std::optional<Error> error;
  for (const DimBindings& bound : sizes(graph, dims)) {
    for (const gpu::Caps& caps : devices()) {
      for (const bool keep_all : {false, true}) {
        const auto plan = make_plan(graph, caps, {.dims = bound, .kernels = {}, .keep_all = keep_all});
        if (!plan) {
          if (!error) error = plan.error();
          continue;
        }
        for (const Step& step : plan->steps) asked.push_back(&table[static_cast<size_t>(step.kernel)]);
      }
    }
  }
  if (asked.empty() && error) return *error;
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  std::vector<std::string> names;
  for (const Kernel& row : table) {
    const bool wanted = std::any_of(asked.begin(), asked.end(), [&](const Kernel* kernel) {
      return kernel->key == row.key && may_stand_for(row.family, kernel->family);
    });
    if (wanted) names.emplace_back(row.name);
  }
  return names;
}

}  // namespace nibble::tools
