#include "c/handles.h"
#include "core/try.h"
#include "nibble/nibble_c_vulkan.h"
#include "nibble/tune.h"
#include "nibble/vulkan.h"

namespace nibble::c {
namespace {

Result<DeviceOptions> options_of(const nbl_device_options* options) {
  NBL_TRY(const nbl_device_options given, read_struct(options, "options"));
  DeviceOptions out;
  out.select = text_of(given.select);
  out.pipeline_cache = text_of(given.pipeline_cache);
  out.validation = given.validation != 0;
  out.mask = text_of(given.mask);
  if (given.cache_bytes > 0) NBL_CHECK(need(given.cache_data, "options->cache_data"));
  out.cache_data = {static_cast<const std::byte*>(given.cache_data), given.cache_bytes};
  return out;
}

}  // namespace
}  // namespace nibble::c

using namespace nibble;
using namespace nibble::c;

nbl_error* nbl_device_list_create(nbl_device_list** list) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(list, "list"));
    NBL_TRY(auto devices, list_devices());
    *list = new nbl_device_list{std::move(devices)};
    return {};
  });
}

size_t nbl_device_list_size(const nbl_device_list* list) { return list ? list->devices.size() : 0; }

nbl_error* nbl_device_list_get(const nbl_device_list* list, size_t index, nbl_device_info* info) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(list, "list"));
    if (index >= list->devices.size()) {
      return Error{Code::invalid_argument,
                   "index " + std::to_string(index) + " of " + std::to_string(list->devices.size()) + " devices"};
    }
    const DeviceInfo& device = list->devices[index];
    return write_struct(info,
                        nbl_device_info{0, device.index, device.name.c_str(), device.kind.c_str(),
                                        device.version.c_str(), device.memory_bytes, device.problem.c_str()},
                        "info");
  });
}

void nbl_device_list_free(nbl_device_list* list) { delete list; }

nbl_error* nbl_device_open(const nbl_device_options* options, nbl_device** device) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    NBL_TRY(const DeviceOptions inner, options_of(options));
    NBL_TRY(Device made, Device::create(inner));
    *device = new nbl_device{std::move(made)};
    return {};
  });
}

nbl_error* nbl_device_wrap(const nbl_external_device* external, const nbl_device_options* options,
                           nbl_device** device) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(external, "external"));
    NBL_CHECK(need(device, "device"));
    NBL_TRY(const nbl_external_device given, read_struct(external, "external"));
    NBL_TRY(const DeviceOptions own, options_of(options));
    if (given.enabled_extension_count > 0) NBL_CHECK(need(given.enabled_extensions, "external->enabled_extensions"));
    ExternalDevice inner;
    inner.instance = given.instance;
    inner.physical_device = given.physical_device;
    inner.device = given.device;
    inner.queue = given.queue;
    inner.queue_family = given.queue_family;
    inner.get_instance_proc_addr = given.get_instance_proc_addr;
    if (given.instance_version != 0) inner.instance_version = given.instance_version;
    inner.enabled_extensions = {given.enabled_extensions, given.enabled_extension_count};
    inner.enabled_features = given.enabled_features;
    const auto lock = [user = given.lock_user](void (*call)(void*)) -> std::function<void()> {
      if (!call) return {};
      return [call, user] { call(user); };
    };
    inner.lock_queue = lock(given.lock_queue);
    inner.unlock_queue = lock(given.unlock_queue);
    NBL_TRY(Device made, Device::wrap(inner, own));
    *device = new nbl_device{std::move(made)};
    return {};
  });
}

void nbl_device_close(nbl_device* device) { delete device; }

const char* nbl_device_name(const nbl_device* device) { return device ? device->device.name().c_str() : ""; }

char* nbl_device_capabilities(const nbl_device* device) {
  char* text = nullptr;
  nbl_error_free(guarded(__func__, [&]() -> Status {
    if (device) text = copy_text(device->device.capabilities());
    return {};
  }));
  return text;
}

nbl_error* nbl_device_save_pipeline_cache(const nbl_device* device) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    return device->device.save_pipeline_cache();
  });
}

nbl_error* nbl_device_cache_data(const nbl_device* device, void* data, size_t capacity, size_t* bytes) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    NBL_CHECK(need(bytes, "bytes"));
    NBL_TRY(const std::vector<std::byte> found, device->device.cache_data());
    if (data && capacity < found.size()) {
      return Error{Code::invalid_argument,
                   "capacity is " + std::to_string(capacity) + " bytes, the cache has " + std::to_string(found.size())};
    }
    if (data && !found.empty()) std::memcpy(data, found.data(), found.size());
    *bytes = found.size();
    return {};
  });
}

nbl_error* nbl_device_release(nbl_device* device) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    return device->device.release();
  });
}

nbl_error* nbl_device_cache_state(const nbl_device* device, nbl_cache_state* state) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    const CacheState found = device->device.cache_state();
    nbl_cache_state out{0, 0, found.pipeline_bytes, found.tuned, nullptr};
    if (!found.ignored.empty()) out.ignored = copy_text(found.ignored);
    Status written = write_struct(state, out, "state");
    if (!written) nbl_string_free(out.ignored);
    return written;
  });
}

nbl_error* nbl_tune(const nbl_device* device, const nbl_model* model, const nbl_tune_options* options,
                    nbl_tune_report* report) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(device, "device"));
    NBL_CHECK(need(model, "model"));
    NBL_CHECK(check_struct(report, "report"));
    NBL_TRY(const nbl_tune_options given, read_struct(options, "options"));
    TuneOptions inner;
    NBL_TRY(inner.dims, dims_of(given.dims, given.dim_count));
    inner.again = given.again != 0;
    if (given.time_limit_ns > static_cast<uint64_t>(INT64_MAX)) {
      return Error{Code::invalid_argument, "options->time_limit_ns is beyond 2^63 - 1"};
    }
    if (given.time_limit_ns != 0) inner.time_limit = std::chrono::nanoseconds(given.time_limit_ns);
    if (given.progress) {
      inner.progress = [&given](const TuneProgress& now) {
        const nbl_tune_progress shown{sizeof(nbl_tune_progress), 0, now.done, now.total, now.seconds,
                                      now.label.c_str()};
        given.progress(given.user, &shown);
      };
    }
    NBL_TRY(const TuneReport found, tune(device->device, model->model, inner));
    if (!report) return {};
    return write_struct(report,
                        nbl_tune_report{0, found.kept ? 1 : 0, found.steps.size(), found.problems, found.known,
                                        found.not_reached, found.untuned_ms, found.tuned_ms, found.seconds},
                        "report");
  });
}
