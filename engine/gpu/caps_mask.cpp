#include "gpu/caps_mask.h"

#include <algorithm>
#include <limits>

#include "core/text.h"
#include "core/try.h"
#include "gpu/platform.h"

namespace nibble::gpu {
namespace {

constexpr uint64_t kLargestMaskFile = 1 << 20;  // bytes; a mask has about twenty short lines

Status apply_field(CapsMask& mask, std::string_view field, const std::string& where) {
  const size_t equals = field.find('=');
  if (equals == std::string_view::npos) {
    return Error{Code::invalid_argument, format("%s: expected 'key=value', found '%s'", where.c_str(),
                                                std::string(field.substr(0, 64)).c_str())};
  }
  NBL_CHECK(set_caps_field(mask.bound, field.substr(0, equals), field.substr(equals + 1), where));
  if (field.substr(0, equals).find("int8_path") != std::string_view::npos) mask.int8_path = mask.bound.int8_path;
  return {};
}

Status apply_fields(CapsMask& mask, std::string_view text, std::string_view separators, const std::string& where) {
  while (!text.empty()) {
    const size_t end = text.find_first_of(separators);
    std::string_view field = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    field = field.substr(0, field.find('#'));
    if (field.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    NBL_CHECK(apply_field(mask, field, where));
  }
  return {};
}

}  // namespace

CapsMask::CapsMask() {
  constexpr uint32_t kAny = std::numeric_limits<uint32_t>::max();
  bound.bits = Caps::all_bits;
  bound.api_version = kAny;
  bound.max_storage_buffers = bound.max_workgroup_invocations = bound.shared_bytes = kAny;
  bound.max_workgroup_size = bound.max_workgroup_count = {kAny, kAny, kAny};
  bound.push_bytes = bound.subgroup_size = kAny;
  bound.max_buffer_range = bound.max_allocation = bound.memory_bytes = std::numeric_limits<uint64_t>::max();
  bound.offset_alignment = bound.non_coherent_atom = 1;
}

CapsMask minimum_mask() {
  CapsMask mask;
  mask.bound = Caps{};
  // A device's subgroup size is a fact that shaders see; hiding the operations is what matters.
  mask.bound.subgroup_size = std::numeric_limits<uint32_t>::max();
  return mask;
}

Result<CapsMask> parse_mask(std::string_view text) {
  if (text == "minimum" || text.starts_with("minimum,")) {
    CapsMask mask = minimum_mask();
    NBL_CHECK(apply_fields(mask, text.substr(std::min<size_t>(text.size(), 8)), ",", "capability mask"));
    return mask;
  }
  CapsMask mask;
  if (text.find('=') != std::string_view::npos) {
    NBL_CHECK(apply_fields(mask, text, ",", "capability mask"));
    return mask;
  }
  if (text.empty()) return mask;
  NBL_TRY(const std::string content, read_file(std::string(text), kLargestMaskFile));
  NBL_CHECK(apply_fields(mask, content, "\n", "capability mask " + std::string(text)));
  return mask;
}

Result<CapsMask> mask_from_environment() {
  auto mask = parse_mask(environment("NIBBLE_CAPS_MASK"));
  if (!mask) return std::move(mask).error().with_context("NIBBLE_CAPS_MASK");
  return mask;
}

Caps mask(const Caps& caps, const CapsMask& by) {
  Caps out = caps;
  const auto cap = [](auto& value, const auto& bound) { value = std::min(value, bound); };
  out.bits &= by.bound.bits;
  if (!out.has(Caps::dot8)) out.bits &= ~uint32_t{Caps::dot8_fast};
  // Weights spread over a subgroup's lanes count on the real size.
  if (by.bound.subgroup_size < out.subgroup_size) out.bits &= ~uint32_t{Caps::lanes};
  cap(out.api_version, by.bound.api_version);
  cap(out.max_storage_buffers, by.bound.max_storage_buffers);
  cap(out.max_workgroup_invocations, by.bound.max_workgroup_invocations);
  for (size_t i = 0; i < 3; ++i) {
    cap(out.max_workgroup_size[i], by.bound.max_workgroup_size[i]);
    cap(out.max_workgroup_count[i], by.bound.max_workgroup_count[i]);
  }
  cap(out.shared_bytes, by.bound.shared_bytes);
  cap(out.max_buffer_range, by.bound.max_buffer_range);
  cap(out.max_allocation, by.bound.max_allocation);
  cap(out.memory_bytes, by.bound.memory_bytes);
  cap(out.push_bytes, by.bound.push_bytes);
  cap(out.subgroup_size, by.bound.subgroup_size);
  keep_countable(out);
  out.offset_alignment = std::max(out.offset_alignment, by.bound.offset_alignment);
  out.non_coherent_atom = std::max(out.non_coherent_atom, by.bound.non_coherent_atom);
  out.int8_path = choose_int8_path(out);
  if (by.int8_path && (*by.int8_path != Int8Path::dot || out.has(Caps::dot8))) out.int8_path = *by.int8_path;
  return out;
}

}  // namespace nibble::gpu
