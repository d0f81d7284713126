// Choosing a row of the kernel table.
#include <algorithm>

#include "core/text.h"
#include "kernels/kernel_table.h"

namespace nibble {
namespace {

bool matches(const Kernel& kernel, Family family, const KernelKey& key) {
  return kernel.family == family && kernel.key == key;
}

std::string key_text(Family family, const KernelKey& key) {
  return format("%s (weights %s, activations %s, output %s)", to_string(family), to_string(key.weights),
                to_string(key.activations), to_string(key.output));
}

std::optional<Family> parse_family(std::string_view name) {
  constexpr std::string_view kNames[] = {
#define NBL_FAMILY(name) #name,
#include "kernels/families.inc"
#undef NBL_FAMILY
  };
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Family>(found - std::begin(kNames));
}

}  // namespace

Result<KernelOverrides> KernelOverrides::parse(std::string_view text) {
  KernelOverrides overrides;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return Error{Code::invalid_argument, "kernel override '" + std::string(item) + "': expected family=kernel"};
    }
    const std::string_view family = item.substr(0, equals);
    const std::string_view name = item.substr(equals + 1);
    const std::optional<Family> known = parse_family(family);
    if (!known) {
      return Error{Code::invalid_argument, "kernel override: there is no kernel family '" + std::string(family) + "'"};
    }
    const auto table = kernel_table();
    const bool exists =
        std::any_of(table.begin(), table.end(), [&](const Kernel& k) { return k.family == *known && k.name == name; });
    if (!exists) {
      return Error{Code::invalid_argument,
                   "kernel override: family '" + std::string(family) + "' has no kernel '" + std::string(name) + "'"};
    }
    overrides.family_to_name.emplace_back(family, name);
  }
  return overrides;
}

bool KernelOverrides::names(Family family) const {
  return std::any_of(family_to_name.begin(), family_to_name.end(),
                     [&](const auto& entry) { return entry.first == to_string(family); });
}

bool KernelOverrides::names(Family family, const KernelKey& key) const {
  const std::span<const Kernel> table = kernel_table();
  return std::any_of(family_to_name.begin(), family_to_name.end(), [&](const auto& entry) {
    return entry.first == to_string(family) && std::any_of(table.begin(), table.end(), [&](const Kernel& row) {
             return row.name == entry.second && matches(row, family, key);
           });
  });
}

Result<int32_t> select(std::span<const Kernel> table, Family family, const KernelKey& key, const gpu::Caps& caps,
                       const KernelOverrides& overrides) {
  // An overridden row counts only where its types are the ones asked for: the others of the family stay as they are.
  for (const auto& [family_name, kernel_name] : overrides.family_to_name) {
    if (family_name != to_string(family)) continue;
    for (size_t i = 0; i < table.size(); ++i) {
      if (table[i].name != kernel_name || !matches(table[i], family, key)) continue;
      if (!caps.has(table[i].needs)) {
        return Error{Code::unsupported_device,
                     format("kernel %s needs %s, which device '%s' lacks", kernel_name.c_str(),
                            gpu::bits_to_text(table[i].needs & ~caps.bits).c_str(), caps.device_name.c_str())};
      }
      return static_cast<int32_t>(i);
    }
  }
  int32_t first = -1;
  uint32_t missing = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    if (!matches(table[i], family, key)) continue;
    if (!caps.has(table[i].needs)) {
      missing |= table[i].needs & ~caps.bits;
      continue;
    }
    if (first < 0) first = static_cast<int32_t>(i);
    if (!table[i].path || *table[i].path == caps.int8_path) return static_cast<int32_t>(i);
  }
  if (first >= 0) return first;
  if (missing != 0) {
    return Error{Code::unsupported_device, format("%s needs %s, which device '%s' lacks", key_text(family, key).c_str(),
                                                  gpu::bits_to_text(missing).c_str(), caps.device_name.c_str())};
  }
  for (const Kernel& kernel : absent_kernels()) {
    if (!matches(kernel, family, key)) continue;
    return Error{Code::unsupported_op,
                 format("kernel %.*s for %s is not in this build of nibble: it was built with NIBBLE_KERNELS_FOR or "
                        "NIBBLE_KERNEL_FILTER; add this network there",
                        static_cast<int>(kernel.name.size()), kernel.name.data(), key_text(family, key).c_str())};
  }
  return Error{Code::unsupported_op, "there is no kernel for " + key_text(family, key)};
}

}  // namespace nibble
