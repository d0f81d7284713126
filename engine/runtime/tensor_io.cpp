#include "runtime/tensor_io.h"

#include <cstring>
#include <limits>

#include "core/text.h"

namespace nibble {

size_t device_element_bytes(DType type) { return type == DType::i64 ? 4 : bytes_per_element(type); }

Status to_device(const TensorInfo& info, std::span<const std::byte> host, std::span<std::byte> device) {
  if (info.type != DType::i64) {
    std::memcpy(device.data(), host.data(), host.size());
    return {};
  }
  const size_t count = host.size() / 8;
  for (size_t i = 0; i < count; ++i) {
    int64_t value = 0;
    std::memcpy(&value, host.data() + 8 * i, 8);
    if (value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max()) continue;
    return Error{Code::invalid_argument, format("input '%s': element %zu is %lld; devices hold integers of 32 bits",
                                                info.name.c_str(), i, static_cast<long long>(value))};
  }
  for (size_t i = 0; i < count; ++i) {
    int64_t value = 0;
    std::memcpy(&value, host.data() + 8 * i, 8);
    const auto narrow = static_cast<int32_t>(value);
    std::memcpy(device.data() + 4 * i, &narrow, 4);
  }
  return {};
}

void to_host(DType type, std::span<const std::byte> device, std::span<std::byte> host) {
  if (type != DType::i64) {
    std::memcpy(host.data(), device.data(), host.size());
    return;
  }
  for (size_t i = 0; i < host.size() / 8; ++i) {
    int32_t narrow = 0;
    std::memcpy(&narrow, device.data() + 4 * i, 4);
    const int64_t value = narrow;
    std::memcpy(host.data() + 8 * i, &value, 8);
  }
}

std::vector<std::byte> unpack_flat(const TensorInfo& info, std::span<const std::byte> device) {
  std::vector<std::byte> host(info.bytes());
  to_host(info.type, device, host);
  return host;
}

std::vector<std::byte> unpack_blocked(const TensorInfo& info, const UnitShape& units,
                                      std::span<const std::byte> device) {
  const size_t size = device_element_bytes(info.type);
  std::vector<std::byte> flat(info.elements() * size);
  std::byte* to = flat.data();
  for (int64_t outer = 0; outer < units.outer; ++outer) {
    for (int64_t c = 0; c < units.channels; ++c) {
      for (int64_t inner = 0; inner < units.inner; ++inner, to += size) {
        const int64_t unit = (outer * units.blocks + c / 4) * units.inner + inner;
        std::memcpy(to, device.data() + static_cast<size_t>(4 * unit + c % 4) * size, size);
      }
    }
  }
  return unpack_flat(info, flat);
}

std::string describe(const TensorInfo& info) {
  std::string shape;
  for (int64_t size : info.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return "'" + info.name + "' " + to_string(info.type) + " [" + shape + "]";
}

std::string describe(std::span<const TensorInfo> infos) {
  std::string text;
  for (const TensorInfo& info : infos) text += (text.empty() ? "" : ", ") + describe(info);
  return text.empty() ? "none" : text;
}

Result<size_t> find_tensor(std::span<const TensorInfo> infos, std::string_view name, const char* kind) {
  if (name.empty() && infos.size() == 1) return size_t{0};
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) return i;
  }
  const std::string wanted(name);
  if (name.empty()) {
    return Error{Code::invalid_argument,
                 format("the model has %zu %ss and needs a name: %s", infos.size(), kind, describe(infos).c_str())};
  }
  return Error{Code::not_found,
               format("there is no %s '%s'; the model has: %s", kind, wanted.c_str(), describe(infos).c_str())};
}

Status check_values(const TensorInfo& info, const char* kind, DType given, size_t count) {
  const bool same = info.type == given || (info.type == DType::boolean && given == DType::u8);
  if (!same) {
    return Error{Code::invalid_argument, format("%s %s takes values of type %s, %s values were given", kind,
                                                describe(info).c_str(), to_string(info.type), to_string(given))};
  }
  if (count != info.elements()) {
    return Error{Code::invalid_argument, format("%s %s has %zu elements, room for %zu was given", kind,
                                                describe(info).c_str(), info.elements(), count)};
  }
  return {};
}

}  // namespace nibble
