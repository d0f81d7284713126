#include "converter/plan/plan.h"

#include <set>

#include "converter/plan/json_reader.h"
#include "core/crc32c.h"
#include "media/atomic_file.h"
#include "media/read_file.h"

namespace nibble::plan {
namespace {

constexpr const char* kFormat = "nibble plan 1";
constexpr size_t kMostBytes = 256 << 20;
constexpr char kDigits[] = "0123456789abcdef";

// Four weights a hexadecimal digit, the first one its highest bit; the last digit is filled with zeros.
std::string bits_text(const std::vector<bool>& bits) {
  std::string out;
  for (size_t i = 0; i < bits.size(); i += 4) {
    size_t digit = 0;
    for (size_t b = 0; b < 4; ++b) digit = digit * 2 + (i + b < bits.size() && bits[i + b] ? 1 : 0);
    out += kDigits[digit];
  }
  return out;
}

Result<std::vector<bool>> bits_of(const std::string& text, int64_t count, const std::string& where) {
  const auto wanted = static_cast<size_t>(count);
  if (text.size() != wanted / 4 + (wanted % 4 ? 1 : 0)) {
    return Error{Code::invalid_argument, format("%s: expected %zu hexadecimal digits, found %zu", where.c_str(),
                                                wanted / 4 + (wanted % 4 ? 1 : 0), text.size())};
  }
  std::vector<bool> out;
  for (char c : text) {
    const size_t digit = std::string_view(kDigits).find(c);
    if (digit == std::string_view::npos)
      return Error{Code::invalid_argument, where + ": expected hexadecimal digits, found '" + c + "'"};
    for (size_t b = 0; b < 4 && out.size() < wanted; ++b) out.push_back((digit >> (3 - b)) & 1);
  }
  return out;
}

Status read_channels(const Json& json, const std::string& where, ChannelPlan& out) {
  ObjectReader r(json, where);
  r.text("group", out.group);
  r.count("channels", out.channels);
  r.list("keep", [&](const Json& j, const std::string& at) -> Status {
    const int64_t next = out.keep.empty() ? 0 : out.keep.back() + 1;
    if (!j.is_number_unsigned() || j.get<uint64_t>() >= static_cast<uint64_t>(out.channels) ||
        static_cast<int64_t>(j.get<uint64_t>()) < next) {
      return Error{Code::invalid_argument,
                   format("%s: expected a channel from %lld to %lld, rising", at.c_str(), static_cast<long long>(next),
                          static_cast<long long>(out.channels) - 1)};
    }
    out.keep.push_back(j.get<int64_t>());
    return {};
  });
  return r.finish();
}

Status read_range(const Json& json, const std::string& where, RangePlan& out) {
  ObjectReader r(json, where);
  r.text("tensor", out.tensor);
  r.number("low", out.low);
  r.number("high", out.high);
  r.text("method", out.method);
  NBL_CHECK(r.finish());
  if (out.low <= out.high) return {};
  return Error{Code::invalid_argument, where + ": low is above high"};
}

Status read_layer(const Json& json, const std::string& where, LayerPlan& out) {
  ObjectReader r(json, where);
  r.text("node", out.node);
  r.text("weights", out.weights);
  r.count("group_size", out.group_size);
  r.text("rounding", out.rounding);
  r.text("reason", out.reason);
  return r.finish();
}

Status read_mask(const Json& json, const std::string& where, MaskPlan& out) {
  ObjectReader r(json, where);
  std::string kept;
  r.text("node", out.node);
  r.text("pattern", out.pattern);
  r.count("weights", out.weights);
  r.text("kept", kept);
  NBL_CHECK(r.finish());
  NBL_TRY(out.kept, bits_of(kept, out.weights, where + ".kept"));
  return {};
}

template <class T>
auto appending(std::vector<T>& out, Status (*read_one)(const Json&, const std::string&, T&)) {
  return [&out, read_one](const Json& json, const std::string& where) -> Status {
    return read_one(json, where, out.emplace_back());
  };
}

}  // namespace

const LayerPlan* Plan::layer(const std::string& node) const {
  for (const LayerPlan& l : layers) {
    if (l.node == node) return &l;
  }
  return nullptr;
}

std::string fingerprint(const Graph& graph) {
  Graph plain = graph;
  plain.metadata.clear();
  const std::string text = dump_text(plain);
  uint32_t constants = 0;
  for (const Tensor& t : graph.tensors) {
    if (t.is_constant()) constants = crc32c(t.constant->bytes, constants);
  }
  return format("%08x%08x", crc32c(std::as_bytes(std::span(text))), constants);
}

std::string to_json(const Plan& plan) {
  Json out = {{"format", kFormat},
              {"network", plan.network},
              {"samples", plan.samples},
              {"sample_names", plan.sample_names},
              {"recipe", Json::object()},
              {"removed_blocks", plan.removed_blocks},
              {"redundant", Json::array()},
              {"channels", Json::array()},
              {"ranges", Json::array()},
              {"layers", Json::array()},
              {"masks", Json::array()}};
  for (const auto& [key, value] : plan.recipe) out["recipe"][key] = value;
  const auto add_channels = [&](const char* name, const std::vector<ChannelPlan>& channels) {
    for (const auto& c : channels)
      out[name].push_back({{"group", c.group}, {"channels", c.channels}, {"keep", c.keep}});
  };
  add_channels("redundant", plan.redundant);
  add_channels("channels", plan.channels);
  for (const auto& r : plan.ranges)
    out["ranges"].push_back({{"tensor", r.tensor},
                             {"low", static_cast<double>(r.low)},
                             {"high", static_cast<double>(r.high)},
                             {"method", r.method}});
  for (const auto& l : plan.layers) {
    out["layers"].push_back({{"node", l.node},
                             {"weights", l.weights},
                             {"group_size", l.group_size},
                             {"rounding", l.rounding},
                             {"reason", l.reason}});
  }
  for (const auto& m : plan.masks)
    out["masks"].push_back(
        {{"node", m.node}, {"pattern", m.pattern}, {"weights", m.weights}, {"kept", bits_text(m.kept)}});
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Plan> parse(const std::string& text) {
  const Json json = parse_document(text);
  if (json.is_discarded()) return Error{Code::invalid_argument, "not JSON"};
  Plan out;
  std::string kind;
  ObjectReader r(json, "");
  r.text("format", kind);
  if (json.is_object() && json.contains("format") && kind != kFormat) {
    return Error{Code::unsupported_version, std::string("format: expected '") + kFormat + "', found '" + kind + "'"};
  }
  r.text("network", out.network);
  r.count("samples", out.samples);
  r.text("sample_names", out.sample_names);
  r.texts("recipe", out.recipe);
  r.list("removed_blocks", [&](const Json& j, const std::string& where) -> Status {
    if (!j.is_string()) return Error{Code::invalid_argument, where + ": expected text"};
    out.removed_blocks.push_back(j.get<std::string>());
    return {};
  });
  r.list("redundant", appending(out.redundant, read_channels));
  r.list("channels", appending(out.channels, read_channels));
  r.list("ranges", appending(out.ranges, read_range));
  r.list("layers", appending(out.layers, read_layer));
  r.list("masks", appending(out.masks, read_mask));
  NBL_CHECK(r.finish());
  return out;
}

Result<Plan> read(const std::string& path) {
  NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(path, kMostBytes));
  auto plan = parse(std::string(bytes.begin(), bytes.end()));
  if (!plan) return std::move(plan).error().with_context("plan '" + path + "'");
  return plan;
}

Status write(const Plan& plan, const std::string& path) { return media::write_file_atomically(path, to_json(plan)); }

Status check_fits(const Plan& plan, const Graph& network) {
  if (const std::string found = fingerprint(network); plan.network != found) {
    return Error{Code::invalid_argument,
                 "the plan was made for another network or another way of preparing it (network " + plan.network +
                     ", here " + found + ")"};
  }
  std::set<std::string> names;
  for (const Node& node : network.nodes) names.insert(node.name);
  const auto known = [&](const std::string& name, const char* what) -> Status {
    if (names.contains(name)) return {};
    return Error{Code::not_found,
                 format("the plan's %s name the node '%s', which the network does not have", what, name.c_str())};
  };
  for (const auto& l : plan.layers) NBL_CHECK(known(l.node, "layers"));
  for (const auto& m : plan.masks) NBL_CHECK(known(m.node, "masks"));
  for (const auto& name : plan.removed_blocks) NBL_CHECK(known(name, "removed blocks"));
  return {};
}

}  // namespace nibble::plan
