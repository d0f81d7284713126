#include "converter/search/latency_table.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/text.h"
#include "core/try.h"
#include "media/read_file.h"
#include "ops/op.h"

namespace nibble::search {
namespace {

using Json = nlohmann::ordered_json;
using Devices = std::map<std::string, std::map<std::string, double>>;

constexpr const char* kFormat = "nibble latency table 1";
constexpr size_t kMostBytes = 64 << 20;

// Nothing where the text is no such table.
std::optional<Devices> parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat || !json.contains("devices") ||
      !json["devices"].is_object()) {
    return std::nullopt;
  }
  Devices out;
  for (const auto& [device, layers] : json["devices"].items()) {
    if (!layers.is_object()) return std::nullopt;
    auto& table = out[device];
    for (const auto& [layer, ms] : layers.items()) {
      if (!ms.is_number() || !std::isfinite(ms.get<double>()) || ms.get<double>() < 0.0) return std::nullopt;
      table[layer] = ms.get<double>();
    }
  }
  return out;
}

}  // namespace

Result<Graph> single_node_graph(const Graph& graph, const Node& node) {
  Graph out;
  std::map<TensorId, TensorId> ids;
  const auto plain = [](TensorDesc desc, std::string name) {
    desc.name = std::move(name);
    if (desc.quant.kind == Quant::Kind::per_tensor) desc.quant = Quant::tensor(1.0f, 0);
    return desc;
  };
  Node copy{"layer", node.op, {}, {}};
  for (TensorId id : node.inputs) {
    if (id == kNoTensor) {
      copy.inputs.push_back(kNoTensor);
      continue;
    }
    const auto [at, fresh] = ids.emplace(id, kNoTensor);
    if (fresh) {
      const Tensor& t = graph.tensor(id);
      if (t.is_constant()) {
        at->second = out.add_constant(plain(t.desc, ""), *t.constant);
      } else {
        at->second = out.add_tensor(plain(t.desc, "x" + std::to_string(out.inputs.size())));
        out.inputs.push_back(at->second);
      }
    }
    copy.inputs.push_back(at->second);
  }
  for (TensorId id : node.outputs) {
    const TensorId made = out.add_tensor(plain(graph.desc(id), "y" + std::to_string(out.outputs.size())));
    copy.outputs.push_back(made);
    out.outputs.push_back(made);
  }
  out.nodes.push_back(std::move(copy));
  NBL_CHECK(verify(out));
  return out;
}

std::string layer_key(const Graph& single) {
  // Constants' scales differ from layer to layer and take no time: dump_text tells their number only.
  std::string text = dump_text(single);
  for (char& c : text) c = c == '\n' ? ';' : c;
  return text;
}

LatencyTable::LatencyTable(std::unique_ptr<LayerTimer> timer, std::string path)
    : timer_(std::move(timer)), path_(std::move(path)) {
  std::error_code error;
  if (path_.empty() || !std::filesystem::exists(path_, error)) return;
  const auto bytes = media::read_file(path_, kMostBytes);
  if (!bytes) {
    ignored_ = bytes.error().message;
    return;
  }
  auto devices = parse(std::string(bytes->begin(), bytes->end()));
  if (!devices) {
    ignored_ = "'" + path_ + "' is no latency table, or a damaged one: layers are measured again";
    return;
  }
  devices_ = std::move(*devices);
  if (!devices_.contains(timer_->device_key()))
    ignored_ = "'" + path_ + "' has no times of this device, driver and version: layers are measured";
}

Result<std::vector<double>> LatencyTable::node_ms(const Graph& graph) {
  auto& table = devices_[timer_->device_key()];
  std::vector<double> out;
  for (const Node& node : graph.nodes) {
    NBL_TRY(const Graph single, single_node_graph(graph, node));
    const std::string key = layer_key(single);
    auto found = table.find(key);
    if (found == table.end()) {
      auto ms = timer_->layer_ms(single);
      if (!ms) return std::move(ms).error().with_context(format("%s '%s'", op_name(node), node.name.c_str()));
      found = table.emplace(key, *ms).first;
      ++measured_;
    }
    out.push_back(found->second);
  }
  return out;
}

Status LatencyTable::save() const {
  if (path_.empty()) return {};
  Json json = {{"format", kFormat}, {"devices", Json::object()}};
  for (const auto& [device, layers] : devices_) {
    Json& table = json["devices"][device] = Json::object();
    for (const auto& [layer, ms] : layers) table[layer] = ms;
  }
  return write_file_atomically(path_, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace nibble::search
